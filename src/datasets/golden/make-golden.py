"""Makes the golden files of this directory with the original program. Not part of the build; run it by hand in a scratch environment:

    python3 -m venv venv
    venv/bin/pip install numpy==2.2.6 pandas==2.3.2 datasets==3.6.0 pyarrow pyyaml
    venv/bin/pip install --no-deps instructlab-sdg==0.8.3
    PYTHONHASHSEED=0 venv/bin/python make-golden.py

Only its data mixing and evaluation modules are loaded; what they import besides is stubbed. Random ids are replaced by "ID".
Written: knowledge_harbour.parquet, one of the sets of rows; golden.json = {rows by leaf, files by name as text, sampling: [[seed, n, k, indices], ...]}
"""
import importlib.util, json, pathlib, random, sys, tempfile, types

import numpy as np

here = pathlib.Path(__file__).parent
package = next(
    pathlib.Path(p) / "instructlab" / "sdg" for p in sys.path if (pathlib.Path(p) / "instructlab" / "sdg").is_dir()
)


def stub(name, **members):
    module = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(members)
    sys.modules[name] = module
    return module


def load(name):
    spec = importlib.util.spec_from_file_location(f"instructlab.sdg.{name}", package / f"{name.replace('.', '/')}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


stub("instructlab")
stub("instructlab.sdg")
stub("instructlab.sdg.utils", GenerateException=type("GenerateException", (Exception,), {}))
stub("instructlab.sdg.pipeline", EVAL_PIPELINES_PKG="", Pipeline=object)
sys.modules["instructlab.sdg.utils"].pandas = load("utils.pandas")
jldump = load("utils.json").jldump
mixing = load("datamixing")
evaluation = load("eval_data")

TRICKY = 'Größe 5/8 "ein" \\ Weg\tund 🙂 \u007f\u00a0<b>&'


def knowledge_row(index, kind):
    raw = f"Document {index} of the harbour. {TRICKY}"
    return {
        "icl_document": "A seed context.",
        "document": raw if kind == "base_document" else f"Corrected document {index}.",
        "document_outline": "Harbours",
        "domain": "Geography/Häfen",
        "leaf_node_type": "knowledge",
        "leaf_node_path": "knowledge_harbour",
        "icl_query_1": "Seed question?",
        "icl_response_1": "Seed answer.",
        "dataset_type": kind,
        "raw_document": raw,
        "question": f"What stands in document {index} ({kind})?",
        "response": f"Answer {index}: {TRICKY}",
    }


common = {"task_description": "Add the numbers", "leaf_node_type": "freeform_skill"}
rows = {
    "knowledge_harbour": [knowledge_row(i, kind) for i in range(6) for kind in ("spellcheck", "base_document")],
    "compositional_skills_sum": [
        {
            **common,
            "seed_question": "1 + 1?",
            "seed_response": "2",
            "leaf_node_path": "compositional_skills_sum",
            "question": f" {i} + {i}? ",
            "response": f"{2 * i} / {TRICKY}\n",
        }
        for i in range(40)
    ],
    "compositional_skills_simple": [
        {
            **common,
            "seed_question": "Red?",
            "seed_response": "Yes.",
            "leaf_node_path": "compositional_skills_simple",
            "output": output,
        }
        for output in ["Is it blue? No, red. Why? Because.", "  Is it /green/?\n\nNo.  "]
    ],
}
auxiliary = {"spellcheck": ["Correct the spelling of the text."]}
questions = [
    ("What is right?\nA) one\nB) two\nC) three\nD) four", "B) two"),
    ("What is left? A) one\nB) two\nC) three\nD) four", "D) four"),
    ("Too few?\nA) one\nB) two", "A) one"),
    ("No letter?\nA) one\nB) two\nC) three\nD) four", "two"),
    ("Wrong letter?\nA) one\nB) two\nC) three\nD) four", "E) five"),
    ("What does\nthis ask?\n A) some (B) other\nB) two\nC) three\nD) four/4", " C) three"),
    ("Both?\nA) one\nB) two\nC) three\nD) vier ü", "D) four) really"),
]
evaluation_rows = [
    {
        "document": f"Document {i}.",
        "icl_document": "A seed context.",
        "domain": "Geography",
        "leaf_node_type": "knowledge",
        "mmlubench_question": question,
        "mmlubench_answer": answer,
    }
    for i, (question, answer) in enumerate(questions)
]

random.seed(1)
system = "You answer /truthfully/."
with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    (root / "node_datasets_S").mkdir()
    mixer = mixing.DataMixer([], str(root), "S", system, None, auxiliary)
    for leaf, leaf_rows in rows.items():
        jldump(leaf_rows, str(root / "generated_S" / f"{leaf}.jsonl"))
        dataset = mixing.Dataset.from_list(leaf_rows)
        mixer.collect(leaf, dataset, leaf.startswith("knowledge"), False)
    mixer.generate()
    # Sets made by others: without metadata, without unmask, with further columns, with empty answers, as a ratio and as a number.
    (root / "other.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "system", "content": "Old."},
                        {"role": "user", "content": f"Q{i}"},
                        {"role": "assistant", "content": "" if i == 3 else f"A{i}"},
                    ],
                    "group": "math",
                    "id": f"other-{i}",
                    "metadata": json.dumps({"k": i}),
                }
            )
            + "\n"
            for i in range(5)
        )
    )
    (root / "recipe.yaml").write_text(
        "datasets:\n"
        + "".join(
            f"- path: {path}\n  sampling_size: {size}\n"
            for path, size in [("other.jsonl", 2.0), ("other.jsonl", 0.5), ("other.jsonl", 7), ("other.jsonl", 1), ("other.jsonl", 1.0)]
        )
    )
    mixing.Recipe(str(root / "recipe.yaml"), system).save_mixed_dataset(str(root / "mixed.jsonl"), None)
    mcq = evaluation._post_process_mcq(mixing.Dataset.from_list(evaluation_rows))
    mcq.to_json(str(root / "mmlubench.jsonl"), orient="records", lines=True)
    evaluation._create_mmlu_evaluation_task("harbour", "DATA.jsonl", str(root / "task.yaml"))
    files = {
        str(path.relative_to(root)): path.read_text("utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }

import re

files = {
    name: re.sub(r'("id":")[0-9a-f]{8}-[0-9a-f-]{27}"', r'\1ID"', text) for name, text in files.items()
}
sampling = [
    [seed, n, k, np.random.RandomState(seed).choice(n, k, replace=True).tolist()]
    for seed, n, k in [(42, 3, 6), (42, 5, 30), (42, 1, 4), (42, 1000003, 12), (7, 64, 12), (0, 100, 700), (4294967295, 9, 9)]
]
golden = {"system": system, "auxiliary": auxiliary, "rows": rows, "evaluationRows": evaluation_rows, "files": files, "sampling": sampling}
mixing.Dataset.from_list(rows["knowledge_harbour"]).to_parquet(str(here / "knowledge_harbour.parquet"))
(here / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
