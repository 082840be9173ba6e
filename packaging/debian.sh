# Sourced by the scripts that unpack a Debian. They define `die`, which takes a text.
# shellcheck shell=bash

find_mmdebstrap() {
  command -v mmdebstrap >/dev/null && return
  command -v apt-get >/dev/null ||
    die "no mmdebstrap, and no apt to install it with: install it with this system's package manager"
  local said
  said=$({ apt-get update || true; } 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
      mmdebstrap debian-archive-keyring 2>&1 </dev/null) ||
    die "apt-get could not install mmdebstrap: $(tail -n3 <<<"$said")"
  hash -r
}

# The mirror that this system's own packages come from; nothing where it is no Debian, and mmdebstrap takes its own.
mirror() {
  # shellcheck disable=SC2016 # apt's variables
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
    grep -v security | grep -m1 '^https\?:' || true
}

# Unpacks the release $1 with these packages (with a comma between them) into $3, a folder or a tar file: without documentation, and
# without waiting for the disk. More arguments go to mmdebstrap.
unpack_debian() {
  local release=$1 packages=$2 target=$3 mirror options status=0
  mirror=$(mirror)
  options=$(mktemp)
  # The way to the mirror is this system's.
  apt-config dump Acquire 2>/dev/null | grep -E '^Acquire::(https?|Check)' >"$options" || true
  mmdebstrap --mode=root --variant=minbase --aptopt="$options" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --include="$packages" "${@:4}" "$release" "$target" ${mirror:+"$mirror"} ||
    status=$?
  rm -f "$options"
  return "$status"
}
