"""Trains on the plan of bench/helpers/peer-plan.ts with PyTorch, transformers and peft, one step per line read from standard input.

Commands: {"step": N} trains on the plan's step N; {"end": true} ends. One JSON line answers each. The settings are the fastest that the
Python stack offers without patching it: fused AdamW, SDPA attention, samples sorted by length into padded micro-batches of a token
budget, and no attention mask, because under causal attention padding on the right changes nothing that counts.
"""

import ctypes
import gc
import json
import os
import sys
import time
import warnings

os.environ["TQDM_DISABLE"] = "1"
warnings.simplefilter("ignore")

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.utils import clip_grad_norm_
from transformers import LlamaForCausalLM
from transformers.utils import logging

IGNORED_LABEL = -100


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    torch.set_num_threads(plan["threads"])
    torch.manual_seed(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = load_model(plan)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    adamw = plan["adamw"]
    optimizer = torch.optim.AdamW(
        parameters,
        lr=adamw["learningRate"],
        betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"],
        weight_decay=adamw["weightDecay"],
        fused=True,
    )
    model.train()
    load_peak = status_bytes("VmHWM")
    forget_peak()
    answer(
        ready=True,
        parameters=sum(parameter.numel() for parameter in parameters),
        loadPeakBytes=load_peak,
        loadedBytes=status_bytes("VmRSS"),
        unusedLibraryBytes=unused_library_bytes(),
    )
    for line in sys.stdin:
        command = json.loads(line)
        if "end" in command:
            break
        answer(**train_step(model, optimizer, parameters, plan, plan["steps"][command["step"]]))
    answer(done=True, peakMemoryBytes=status_bytes("VmHWM"), unusedLibraryBytes=unused_library_bytes())


def load_model(plan: dict) -> torch.nn.Module:
    directory, name = os.path.split(plan["modelFile"])
    # Weights that are trained are F32 beside BF16 products (autocast), or small steps would be rounded away.
    is_bf16 = plan["precision"] == "bf16" and plan["method"] == "lora"
    model = LlamaForCausalLM.from_pretrained(
        directory,
        gguf_file=name,
        dtype=torch.bfloat16 if is_bf16 else torch.float32,
        attn_implementation="sdpa",
    )
    model.config.use_cache = False
    return add_adapter(model, plan) if plan["method"] == "lora" else model


def add_adapter(model: torch.nn.Module, plan: dict) -> torch.nn.Module:
    lora = plan["lora"]
    config = LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        target_modules=list(lora["targets"]),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    # An adapter in the type of the weights takes less memory than peft's F32 one and is no slower.
    model = get_peft_model(model, config, autocast_adapter_dtype=False)
    if plan.get("initialAdapter"):
        set_adapter(model, plan)
    return model


def set_adapter(model: torch.nn.Module, plan: dict) -> None:
    """Sets A and B from our flat vector: A as [rank, in], B transposed as [rank, out], rows of queries and keys in GGUF's order."""
    values = torch.frombuffer(bytearray(open(plan["initialAdapter"]["file"], "rb").read()), dtype=torch.float32)
    rank = plan["lora"]["rank"]
    count = 0
    for module in plan["initialAdapter"]["modules"]:
        a = values[module["offsetA"] :][: rank * module["input"]].reshape(rank, module["input"])
        b = values[module["offsetB"] :][: rank * module["output"]].reshape(rank, module["output"]).T
        if module["heads"] > 0:
            # GGUF keeps the two halves that a rotation mixes side by side, Hugging Face one after the other.
            half = module["output"] // module["heads"] // 2
            b = b.reshape(module["heads"], half, 2, rank).transpose(1, 2).reshape(module["output"], rank)
        layer = model.base_model.model.model.layers[module["layer"]]
        target = (layer.self_attn if hasattr(layer.self_attn, module["name"]) else layer.mlp).get_submodule(module["name"])
        with torch.no_grad():
            target.lora_A["default"].weight.copy_(a)
            target.lora_B["default"].weight.copy_(b)
        count += a.numel() + b.numel()
    if count != values.numel():
        raise ValueError(f"the adapter file has {values.numel()} numbers, its modules {count}")


def train_step(model, optimizer, parameters, plan: dict, samples: list[dict]) -> dict:
    started = time.perf_counter()
    counted = sum(sum(sample["counted"]) for sample in samples)
    uses_autocast = plan["precision"] == "bf16" and plan["method"] == "full"
    total_loss = 0.0
    for batch in micro_batches(samples, plan["microBatchTokens"]):
        longest = max(len(sample["tokens"]) for sample in batch)
        tokens = torch.zeros((len(batch), longest), dtype=torch.long)
        labels = torch.full((len(batch), longest), IGNORED_LABEL, dtype=torch.long)
        for row, sample in enumerate(batch):
            ids = torch.tensor(sample["tokens"])
            length = len(ids)
            tokens[row, :length] = ids
            labels[row, :length] = torch.where(torch.tensor(sample["counted"], dtype=torch.bool), ids, IGNORED_LABEL)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=uses_autocast):
            loss = model(input_ids=tokens, labels=labels, num_items_in_batch=counted).loss
        loss.backward()
        total_loss += loss.item()
    norm = clip_grad_norm_(parameters, plan["adamw"]["maxGradientNorm"])
    optimizer.step()
    optimizer.zero_grad()
    return {"loss": total_loss, "gradientNorm": norm.item(), "seconds": time.perf_counter() - started}


def micro_batches(samples: list[dict], budget: int) -> list[list[dict]]:
    """Samples of similar length together, each batch at most `budget` tokens with its padding (a longer sample is alone)."""
    batches: list[list[dict]] = []
    for sample in sorted(samples, key=lambda sample: -len(sample["tokens"])):
        if batches and (len(batches[-1]) + 1) * len(batches[-1][0]["tokens"]) <= budget:
            batches[-1].append(sample)
        else:
            batches.append([sample])
    return batches


def answer(**values) -> None:
    print(json.dumps(values), flush=True)


def status_bytes(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def forget_peak() -> None:
    """What loading took and gave back (this file format is foreign to PyTorch) shall not count against it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def unused_library_bytes() -> int:
    """Resident memory of the GPU libraries, which PyTorch's package for CPUs would not load."""
    total = 0
    is_unused = False
    with open("/proc/self/smaps", encoding="utf-8") as file:
        for line in file:
            first = line.split(maxsplit=1)[0]
            if "-" in first and not first.endswith(":"):
                is_unused = any(name in line for name in ("/nvidia/", "libtorch_cuda", "libc10_cuda", "/triton/", "libtorch_nvshmem"))
            elif is_unused and first == "Rss:":
                total += int(line.split()[1]) * 1024
    return total


if __name__ == "__main__":
    main()
