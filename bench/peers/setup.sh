#!/bin/sh
# Installs the Python trainers that `npm run bench -- train-peer` compares with, into .peers/ (ignored by git): about 6 GB, because PyTorch's
# own package for Linux brings CUDA. PYTHON chooses the interpreter (3.10 or newer); pip's own settings choose the index.
set -eu
cd "$(dirname "$0")/../.."
python="${PYTHON:-python3}"
environment=".peers/venv"
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
"$environment/bin/python" -c 'import torch, transformers, peft; print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")'
