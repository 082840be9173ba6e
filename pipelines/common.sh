# What the pipelines share. They set `usage`, a line that names their arguments, and read this with `.`.

# The plugin and the program of this clone, where none is installed.
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
gst-inspect-1.0 --exists igdfilter || export GST_PLUGIN_PATH=$root/target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
command -v igd >/dev/null || export PATH=$PATH:$root/target/release

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

# The first argument is the model, where `usage` says so.
if [[ $usage == *' MODEL'* ]]; then
  model=${1:-}
  [[ $model ]] || misused 'no model given'
  [[ -e $model ]] || misused "there is no model $model"
  shift
fi

# What is read: `source` are the elements that deliver frames of a camera's device, a file, a URI, or (nothing given) the test
# picture. A camera does not wait: with `mode` its frames pass with the last result there is, or, where each frame that
# passes is to have its own, `queue` leaves out those that come while one is inspected. Files are inspected frame by frame.
find_source() {
  mode=latest queue=(queue leaky=downstream max-size-buffers=1)
  case ${1:-} in
    '') source=(videotestsrc is-live=true) ;;
    /dev/*) source=(v4l2src "device=$1" ! decodebin) ;;
    rtsp*://*) source=(uridecodebin "uri=$1") ;;
    *) mode=sync queue=(queue) ;;&
    *://*) source=(uridecodebin "uri=$1") ;;
    *) source=(filesrc "location=$1" ! decodebin) ;;
  esac
}

# What lines call a source: an address is written without its user and password.
name_of() {
  if [[ $1 =~ ^([a-z0-9+.-]+://)[^/]*@(.*)$ ]]; then
    echo "${BASH_REMATCH[1]}${BASH_REMATCH[2]}"
  else
    echo "$1"
  fi
}

# The location of a recording's files, for splitmuxsink. Their names begin with the time, so that none is written over.
files_in() {
  echo "${1//%/%%}/$(date +%Y%m%d-%H%M%S)-%05d.mp4"
}
