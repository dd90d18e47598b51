#!/bin/sh
# The paper's profiles as package data, from checkpoints as they are: `miinet`, `miinet-guided` and `cyclegan`, their weights
# once under edge/models/shared. Run again with better checkpoints it replaces all files and removes the weights that none uses.
#
#   export/ship-paper.sh RUNS [ISR] [VERSION] [MODELS]
#
# RUNS has miinet/idm.safetensors and cyclegan/idm.safetensors. ISR is isr.safetensors, or RRDB weights of other projects; default
# RUNS/isr/isr.safetensors. MODELS is edge/models unless given. Three frames of RRDBNet-23 a profile: minutes on two cores.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
runs=$1
isr=${2:-$runs/isr/isr.safetensors}
version=${3:-1}
models=${4:-$here/edge/models}
export_onnx="${EDGE_EXPORT:-$here/.venv-dev/bin/edge-export} onnx"
describe="${EDGE_EXPORT:-$here/.venv-dev/bin/edge-export} describe"

pictures="larynx pictures of Laves et al. 2019 (arXiv 1807.06081), CC BY 4.0; mouths of Chandrashekar et al., Oral Images Dataset \
(Mendeley Data, doi 10.17632/mhjyrn35p4.2), listed as CC BY 4.0 by a public catalogue, its own page was not read; renders of the demo \
throat; eq. (4) by VGG16 (torchvision, BSD-3, ImageNet)"
data="145 pictures LQ and 128 HQ of larynx, mouths and the demo throat, all free; no scene in both"
advice="comparison only: trained for hours, on simulated fog, as the paper's method to compare with; live is what is meant to help"
enlarger="x4: RRDBNet-23 trained on DF2K (RealSR, Apache-2.0; distributed under MIT)"

for profile in miinet-guided cyclegan miinet; do
    run=$profile
    with="--isr $isr"
    licence="dehazing: $pictures. $enlarger"
    if [ "$profile" = miinet-guided ]; then
        run=miinet
        with=
        licence="dehazing: $pictures"
    fi
    echo "$profile from $runs/$run/idm.safetensors"
    # shellcheck disable=SC2086  # options, word by word
    $export_onnx "$runs/$run/idm.safetensors" --profile "$profile" $with --share --version "$version" --licence "$licence" -o "$models"
    $describe "$models/$profile" --advice "$advice" --data "$data" --never-shown "a real throat" --never-shown "real fog" \
        --never-shown "drops on the window" --never-shown "drifting smoke"
done
du -ch "$models"/shared/* "$models"/miinet*/* "$models"/cyclegan/* | sort -h | tail -20
