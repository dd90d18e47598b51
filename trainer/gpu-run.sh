#!/usr/bin/env bash
# The whole training on a GPU machine that is lent by the command: each command ends within ten minutes, takes at most
# 64 MiB in and gives files of at most 16 MiB out, and the machine may be a new one each time.
#
#   trainer/gpu-run.sh inputs DATA   # at home: fills gpu-in/STAGE/ with the pictures and weights of each stage
#   trainer/gpu-run.sh STAGE         # there, beside gpu-in/STAGE/: runs, or goes on; again until it says "finished"
#   trainer/gpu-run.sh collect       # at home: puts what came out together as runs/STAGE/
#
# Stages: facts, idm, cyclegan (the same pictures and seed, beta 0), isr-vgg and isr, student, student-isr, distilled.
# isr-vgg only brings VGG16, which does not fit beside RRDBNet; distilled takes gpu-out/idm/ along as its teacher.
#
# A run stays in KEEP while the machine is held. On a new machine it goes on from gpu-in/STAGE/pieces/, where one has
# copied gpu-out/STAGE/: with the weights and the step, but with new moments, averages and image pools.
set -euo pipefail
cd "$(dirname "$0")/.."

IN=${IN:-gpu-in}
OUT=${OUT:-gpu-out}
KEEP=${KEEP:-$HOME/edge-gpu-run}
CONFIG=${CONFIG:-gpu-30min}
MINUTES=${MINUTES:-8}            # of training in a command; start, checkpoint and packing take the rest of the ten
RENDERS=${RENDERS:-72}           # of the demo throat, for the students
PYTHON=${PYTHON:-python3}

usage() { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
train() { "$PYTHON" -m trainer "$@"; }

inputs() {  # DATA: the folder with larynx/, throat_research/ and weights/
  local data=$1 weights=$1/weights name
  for name in idm cyclegan distilled; do
    mkdir -p "$IN/$name"
    cp -r "$data/throat_research" "$IN/$name/throats"
    cp "$weights/vgg16_features_to_pool2.safetensors" "$IN/$name/vgg.safetensors"
  done
  mkdir -p "$IN/facts" "$IN/isr-vgg" "$IN/isr/sharp/hq" "$IN/student" "$IN/student-isr"
  cp "$weights/vgg16_features_to_pool2.safetensors" "$IN/facts/vgg.safetensors"
  cp "$weights/vgg16_features_fp16.safetensors" "$IN/isr-vgg/vgg.safetensors"
  cp "$weights/rrdb_realsr_df2k_x4_fp16.safetensors" "$IN/isr/init.safetensors"
  cp -r "$data/throat_research/hq/." "$IN/isr/sharp/hq/"
  find "$data/larynx" -name '*.jpg' | sort | awk 'NR % 4 == 1' | xargs -I{} cp {} "$IN/isr/sharp/hq/"
  for name in student student-isr; do cp -r "$data/larynx" "$IN/$name/larynx"; done
  if [ -d "$OUT/idm" ]; then mkdir -p "$IN/distilled/teacher" && cp "$OUT"/idm/product/* "$IN/distilled/teacher/"; fi
  du -sh "$IN"/*
}

brought() {  # what an earlier command on this machine brought stays; what this one brings goes before
  mkdir -p "$KEEP/in"
  [ ! -d "$IN" ] || cp -r "$IN/." "$KEEP/in/"
  [ -d "$KEEP/in/$1" ] || { echo "gpu-run.sh: no $IN/$1; make it at home with trainer/gpu-run.sh inputs DATA" >&2; exit 2; }
}

throats() {  # STAGE: makes $manifest; sharp throats are HQ; the poor ones, and simulated fog on the middling ones, are LQ
  local at=$KEEP/in/$1/throats
  manifest=$KEEP/manifests/$1/throats.json
  [ -d "$at/fogged" ] || train degrade "$at/mid" -o "$at/fogged"
  [ -f "$manifest" ] || train prepare "$at" -o "$manifest" --lq lq_train fogged --hq hq
}

larynges() {  # STAGE: makes $manifest of the sequences that judge no network
  manifest=$KEEP/manifests/$1/larynx.json
  [ -f "$manifest" ] || train prepare "$KEEP/in/$1/larynx" -o "$manifest" --hq '*' --group-by '(patient[0-9]+_seq[0-9]+)' \
    --held-out 0 --decision benchmarks/training/larynx.csv
}

renders() {
  [ -d "$KEEP/renders" ] ||
    "$PYTHON" -m edge.sources.demo --kind truth --variety --count "$RENDERS" --every 37 --seed 1 --output "$KEEP/renders"
}

run() {  # STAGE PRODUCT COMMAND...: go on, and pack what a new machine and home need
  local stage=$1 product=$2 at=$KEEP/runs/$1
  shift 2
  if [ ! -d "$at" ] && [ -d "$KEEP/in/$stage/pieces" ]; then train unpack "$KEEP/in/$stage/pieces" -o "$at"; fi
  train "$@" -o "$at" --minutes "$MINUTES" | tee "$KEEP/$stage.txt"
  rm -rf "$OUT/$stage"
  mkdir -p "$OUT/$stage"
  cp "$at/losses.csv" "$OUT/$stage/"
  cp "$(ls "$at"/samples/*.png | tail -n 1)" "$OUT/$stage/sample.png"
  if grep -q 'time is up' "$KEEP/$stage.txt"; then
    train pack "$at" -o "$OUT/$stage/pieces"
  else
    train pack "$at/$product.safetensors" -o "$OUT/$stage/product"
    echo finished
  fi
}

collect() {
  local of
  for of in "$OUT"/*/product; do
    train unpack "$of" -o "runs/$(basename "$(dirname "$of")")"
  done
}

stage=${1:-}
case $stage in
  inputs) inputs "${2:?give the data folder}" ;;
  collect) collect ;;
  facts)
    brought facts
    mkdir -p "$OUT/facts"
    paper=(--size "${SIZE:-480x270}" --num-feat "${NUM_FEAT:-64}" --num-block "${NUM_BLOCK:-9}" --vgg "$KEEP/in/facts/vgg.safetensors")
    for batch in 1 4; do "$PYTHON" -m benchmarks.training.train_idm "${paper[@]}" --batch $batch --rounds "${ROUNDS:-5}"; done | tee "$OUT/facts/speed.md"
    "$PYTHON" -m benchmarks.training.idm_memory "${paper[@]}" --batches 1 16 | tee "$OUT/facts/memory.md"
    ;;
  idm | cyclegan)
    brought $stage
    beta=()
    [ $stage = idm ] || beta=(--beta 0)
    throats $stage
    run $stage idm idm "$CONFIG" --manifest "$manifest" --vgg "$KEEP/in/$stage/vgg.safetensors" "${beta[@]}"
    ;;
  isr-vgg) brought isr-vgg ;;
  isr)
    brought isr
    at=$KEEP/in/isr
    manifest=$KEEP/manifests/isr/sharp.json
    [ -f "$manifest" ] || train prepare "$at/sharp" -o "$manifest" --min-size 224x224
    run isr isr isr "$CONFIG" --manifest "$manifest" --phase gan --init "$at/init.safetensors" --vgg "$KEEP/in/isr-vgg/vgg.safetensors"
    ;;
  student | student-isr)
    brought $stage
    more=()
    [ $stage = student ] || more+=(--set student.head=isr --set student.frame_weight=1.0)
    renders
    larynges $stage
    run $stage $stage student "$CONFIG" --larynx "$manifest" --demo "$KEEP/renders" "${more[@]}"
    ;;
  distilled)
    brought distilled
    at=$KEEP/in/distilled
    [ -f "$at/idm.safetensors" ] || train unpack "$at/teacher" -o "$at"
    throats distilled
    run distilled student student "$CONFIG" --manifest "$manifest" --teacher "$at/idm.safetensors" \
      --set student.distill_weight=0.5 --set student.data.hq_share=1.0 --set student.data.larynx_share=0.0 --set student.data.demo_share=0.0
    ;;
  *) usage ;;
esac
