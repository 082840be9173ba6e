# What the pipelines share. They set `usage`, a line that names their arguments, and read this with `.`.

# The plugin of this clone, where none is installed.
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
gst-inspect-1.0 --exists igdfilter || export GST_PLUGIN_PATH=$root/target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}

# Ends with a text and the exit status of bad usage.
misused() {
  printf '%s: %s\nusage: %s\n' "$(basename "$0")" "$1" "$usage" >&2
  exit 2
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2s/^# //p' "$0"
  echo "usage: $usage"
  exit
fi

# The first argument is the model.
model=${1:-}
[[ $model ]] || misused 'no model given'
[[ -e $model ]] || misused "there is no model $model"
shift

# Makes `source` the elements that deliver frames of a camera's device, a file, a URI, or (nothing given) the test picture.
find_source() {
  case ${1:-} in
    '') source=(videotestsrc is-live=true) ;;
    /dev/*) source=(v4l2src "device=$1" ! decodebin) ;;
    *://*) source=(uridecodebin "uri=$1") ;;
    *) source=(filesrc "location=$1" ! decodebin) ;;
  esac
}
