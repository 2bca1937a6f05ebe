"""transformers, peft and tokenizers as a server for the tests: one JSON request per line in, one JSON answer per line out."""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TQDM_DISABLE"] = "1"

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()


def load(request):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        request["directory"], dtype=torch.float32, attn_implementation="eager"
    )
    if request.get("adapter"):
        model = PeftModel.from_pretrained(model, request["adapter"])
    return model.eval()


def logits(request):
    """Logits of all positions, as numbers."""
    with torch.no_grad():
        result = load(request)(torch.tensor([request["tokens"]])).logits[0]
    return result.flatten().tolist()


def tokenize(request):
    tokenizer = transformers.AutoTokenizer.from_pretrained(request["directory"])
    ids = [tokenizer(text)["input_ids"] for text in request["texts"]]
    return {
        "ids": ids,
        "texts": [tokenizer.decode(each, skip_special_tokens=True) for each in ids],
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
    }


def chat(request):
    tokenizer = transformers.AutoTokenizer.from_pretrained(request["directory"])
    return tokenizer.apply_chat_template(request["messages"], tokenize=False, add_generation_prompt=True)


def make(request):
    """A random model of the given class, saved as transformers saves it; widths of values as wide as the tests need."""
    torch.manual_seed(request["seed"])
    config = getattr(transformers, request["config"])(**request["options"])
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.3 if parameter.dim() == 1 else (3 if "embed" in name else 1.5) / parameter.shape[-1] ** 0.5
            offset = parameter if parameter.dim() == 1 and "bias" not in name else 0
            parameter.copy_(offset + spread * torch.randn_like(parameter))
    model.to(getattr(torch, request["dtype"]))
    model.save_pretrained(request["directory"], max_shard_size=request.get("shard", "5GB"))


def make_adapter(request):
    torch.manual_seed(request["seed"])
    model = get_peft_model(load(request), LoraConfig(task_type="CAUSAL_LM", **request["options"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.15 * torch.randn_like(parameter))
    model.save_pretrained(request["output"])


def make_tokenizer(request):
    """Trains a small tokenizer of the kind on the given text."""
    kind, special = request["kind"], request["special"]
    options = {"vocab_size": request["size"], "special_tokens": special, "show_progress": False}
    if kind in ("llama", "gemma"):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        marks = normalizers.Replace(" ", "▁")
        isLlama = kind == "llama"
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), marks]) if isLlama else marks
        if not isLlama:
            tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        options["special_tokens"] = special + [f"<0x{byte:02X}>" for byte in range(256)]
        tokenizer.train_from_iterator(request["texts"], trainers.BpeTrainer(**options))
        saved = json.loads(tokenizer.to_str())
        saved["added_tokens"] = [token for token in saved["added_tokens"] if not token["content"].startswith("<0x")]
        tokenizer = Tokenizer.from_str(json.dumps(saved))
        strip = [decoders.Strip(" ", 1, 0)] if isLlama else []
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
        )
        bos = special[1]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    else:
        tokenizer = Tokenizer(models.BPE(ignore_merges=request.get("ignoreMerges", False)))
        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind in ("gpt2", "digits"))
        steps = [level]
        if kind == "digits":
            steps = [pre_tokenizers.Digits(individual_digits=True), level]
        if kind == "regex":
            steps = [pre_tokenizers.Split(Regex(request["regex"]), "isolated"), level]
            tokenizer.normalizer = normalizers.NFC() if request.get("nfc") else None
        tokenizer.pre_tokenizer = level if kind == "gpt2" else pre_tokenizers.Sequence(steps)
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
        tokenizer.train_from_iterator(request["texts"], trainers.BpeTrainer(**options))
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in request.get("added", [])])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>" if kind in ("llama", "gemma") else None,
        bos_token=special[1],
        eos_token=special[2],
    )
    fast.chat_template = request.get("template")
    fast.save_pretrained(request["directory"])
    return len(fast)


print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"result": globals()[request["action"]](request)}
    except Exception as error:  # The test shows it.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
