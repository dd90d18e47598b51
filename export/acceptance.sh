#!/usr/bin/env bash
# One command for the integrator, on the unit: build, verify, bench, camera, and one report file.
#
#   export/acceptance.sh [--profiles "live miinet-guided"] [--source camera:/dev/video0] [--engines DIR] [--output DIR]
#                        [--precision fp16] [--runtime tensorrt] [--seconds 20] [--torch CHECKPOINT]
#
#                        [--bin DIR of the commands]
#
# Exit code 0 when every step passed, 1 otherwise; report.txt holds what was run and what it said. A step that fails leaves
# out those that need it, and the rest is run all the same.
set -uo pipefail

profiles="live" source_uri="" engines="/var/lib/edge-enhance/engines" output="acceptance" precision="fp16"
runtime="tensorrt" seconds=20 torch_checkpoint="" bin=""
while [ $# -gt 0 ]; do
  case "$1" in
    --profiles) profiles="${2:-}" ;;
    --source) source_uri="${2:-}" ;;
    --engines) engines="${2:-}" ;;
    --output) output="${2:-}" ;;
    --precision) precision="${2:-}" ;;
    --runtime) runtime="${2:-}" ;;
    --seconds) seconds="${2:-}" ;;
    --bin) bin="${2:-}/" ;;
    --torch) torch_checkpoint="${2:-}" ;;
    -h | --help) sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) echo "acceptance.sh: $1: no such option; see --help" >&2; exit 2 ;;
  esac
  [ $# -ge 2 ] || { echo "acceptance.sh: $1 needs a value" >&2; exit 2; }
  shift 2
done

here="$(cd "$(dirname "$0")/.." && pwd)"
for candidate in "$here/.venv/bin" "$here/.venv-dev/bin"; do
  if [ -z "$bin" ] && [ -x "$candidate/edge-export" ]; then bin="$candidate/"; fi
done
mkdir -p "$output" || exit 74
report="$output/report.txt"
failed=0

say() { printf '%s\n' "$@" | tee -a "$report"; }
step() {  # step NAME COMMAND...: run it, keep what it says, and note whether it passed
  local name="$1"
  shift
  say "" "== $name" "\$ $*"
  "$@" 2>&1 | tee -a "$report"
  if [ "${PIPESTATUS[0]}" -eq 0 ]; then say "-- $name: passed"; else say "-- $name: FAILED"; failed=1; return 1; fi
}
figure() { awk -v name="$1" '$1 == name { print $2 }' "$2"; }
judge() {  # judge NAME VALUE OPERATOR LIMIT
  if [ -z "$2" ]; then say "-- $1: not measured"; return; fi
  if awk -v a="$2" -v b="$4" "BEGIN { exit !(a $3 b) }"; then say "-- $1: $2, wanted $3 $4: passed"
  else say "-- $1: $2, wanted $3 $4: FAILED"; failed=1; fi
}

: > "$report"
say "edge-enhance acceptance, $(date -u +%Y-%m-%dT%H:%M:%SZ), $(uname -srm)"
[ -r /etc/nv_tegra_release ] && say "$(head -1 /etc/nv_tegra_release)"
command -v nvpmodel >/dev/null && say "$(nvpmodel -q 2>/dev/null | tr '\n' ' ')"
command -v nvidia-smi >/dev/null && say "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null)"

for profile in $profiles; do
  name="$(basename "$profile")"
  common=("$profile" --precision "$precision")
  step "build $name" "${bin}edge-export" engine "${common[@]}" --runtime "$runtime" -o "$engines" || continue
  step "build $name again: nothing to do" "${bin}edge-export" engine "${common[@]}" --runtime "$runtime" -o "$engines"
  step "verify $name" "${bin}edge-export" verify "${common[@]}" --runtime "$runtime" --engines "$engines" --need-engine
  bench="$output/bench-$name.txt"
  step "bench $name" bash -o pipefail -c '"$@" | tee "$0"' "$bench" "${bin}edge-export" bench "${common[@]}" \
    --backend "$runtime" --engines "$engines" --seconds "$seconds" || continue
  gpu="$(figure gpu_ms "$bench")" host="$(figure host_ms "$bench")"
  judge "$name: host time over GPU time" "$(awk -v h="$host" -v g="$gpu" 'BEGIN { if (g > 0) print h / g }')" "<" 0.10
  case "$name" in
    miinet | cyclegan) judge "$name: share of the measured fp16 matrix rate" "$(figure share_of_peak "$bench")" ">=" 0.45 ;;
  esac
  if [ -n "$torch_checkpoint" ]; then
    yardstick="$output/torch-$name.txt"
    if step "torch, the yardstick, $name" bash -o pipefail -c '"$@" | tee "$0"' "$yardstick" \
      "${bin}python" -m benchmarks.gpu.torch_yardstick "$torch_checkpoint" --profile "$name"; then
      judge "$name: over torch eager fp16" \
        "$(awk -v t="$(figure eager_fp16_ms "$yardstick")" -v g="$gpu" 'BEGIN { if (g > 0) print t / g }')" ">=" 2.5
      judge "$name: over torch.compile fp16" \
        "$(awk -v t="$(figure compiled_fp16_ms "$yardstick")" -v g="$gpu" 'BEGIN { if (g > 0 && t > 0) print t / g }')" ">=" 1.3
    fi
  fi
done

config="$output/edge.toml"
printf '[engine]\nbackend = "%s"\nengines = "%s"\nprecision = "%s"\n' "$runtime" "$engines" "$precision" > "$config"
check=("${bin}edge-enhance" --check --config "$config")
[ -n "$source_uri" ] && check+=(--source "$source_uri")
step "camera and the rest" "${check[@]}"

say "" "$([ "$failed" -eq 0 ] && echo "ACCEPTED" || echo "NOT ACCEPTED"): $report"
exit "$failed"
