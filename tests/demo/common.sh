# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the demo does with and without root. Expects: root, work (a folder of this run alone), output, background (array).

python=$root/.venv/bin/python
engine=$root/roles/ntp_multicast_engine/files

say() { printf '%s\n' "$*"; }
heading() { printf '\n=== %s\n' "$*"; }

ansible_environment=(
  "HOME=$work/home" "ANSIBLE_HOME=$work/home/.ansible" "ANSIBLE_COLLECTIONS_PATH=$root/.build/collections" "PATH=$root/.venv/bin:$PATH"
  ANSIBLE_PIPELINING=true ANSIBLE_DISPLAY_SKIPPED_HOSTS=false ANSIBLE_DISPLAY_OK_HOSTS=true
  ANSIBLE_DEPRECATION_WARNINGS=false ANSIBLE_NOCOWS=true LC_ALL=C.UTF-8
)
if [ -t 1 ]; then ansible_environment+=(ANSIBLE_FORCE_COLOR=true); fi

# Secrets are made for this run: AES-128 takes exactly 16 characters, and the device wants four classes of characters.
secret() { "$python" -c 'import secrets, string, sys; print("Aa1-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(int(sys.argv[1]) - 4)))' "$1"; }

make_secrets() {
  mkdir -p "$work/home/.ssh" "$work/devices"
  device_password=$(secret 20)
  (
    umask 077
    printf 'demo_secret_42: "%s"\ndemo_secret_43: "%s"\ndemo_device_password: "%s"\n' "$(secret 16)" "$(secret 24)" "$device_password" > "$work/secrets.yml"
  )
}

# device_file NAME SYSNAME RELEASE INTERFACE V4 V6 HOST-INTERFACE PORT
device_file() {
  umask 077
  cat <<YAML
devices:
  - name: $2
    address: ${5%/*}
    port: $8
    release: $3
    users: [{name: operator, password: "$device_password", level: 3}]
    interfaces:
      - {name: $4, layer2: false, ipv4: $5, ipv6: "$6", host_interface: $7}
ntp:
  command: ["$python", -m, ntp_multicast_engine]
  environment: {PYTHONPATH: "$engine"}
  poll: 3
  directory: $work/ntp-$1
YAML
}

# wait_for_device NAME ADDRESS [PORT]: until it listens; then its host key is known, as an administrator would have made it
wait_for_device() {
  local tries=150
  until [ -s "$work/$1.ready" ]; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then say "demo: $1 has not started:"; cat "$work/$1.log"; return 1; fi
    sleep 0.1
  done
  "$python" "$here/known_host.py" "$work/$1.ready" "$2" "${3:-22}" >> "$work/home/.ssh/known_hosts"
}

nothing_changed() {
  if sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -E 'changed=[1-9][0-9]*|unreachable=[1-9]|failed=[1-9]'; then
    say "demo: the second run should have changed nothing"
    return 1
  fi
  say "The second run changed nothing: changed=0 for every host."
}

stop_processes() {
  local process
  for process in "${background[@]}"; do kill -TERM "$process" 2> /dev/null || true; done
  for process in "${background[@]}"; do wait "$process" 2> /dev/null || true; done
}

keep_output() {
  [ -n "$output" ] || return 0
  mkdir -p "$output"
  cp -r "$work/." "$output/"
}
