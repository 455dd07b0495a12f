#!/bin/bash
# hosts.sh FOLDER COUNT [SHARED ...]: COUNT computers node1, node2 ... in this one, until stdin ends
#
# Each has its own network address, host name, processes, /tmp, /run and /dev/shm, and an sshd that
# lets the others in without a password. All other files are shared, and so are FOLDER and every
# folder SHARED even when they lie below /tmp. "ready" on stdout says that all of them answer.
#
# Everything, the network switch too, lives in namespaces below one process. When that ends, in
# whatever way, the kernel ends the rest: nothing stays behind, and two runs never meet.
# FOLDER/nodeN.pid is for nsenter, from within the namespaces of the switch.
# Needs root, iproute2, openssh-server, util-linux.
set -euo pipefail

NETWORK=10.77.0

start_node() {  # name: print its process number as seen from here
  HOSTS_ROLE=$1 unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc \
    "$self" "$folder" "$count" "${shared[@]}" </dev/null >"$folder/$1.log" 2>&1 &
  local launcher=$!
  until pgrep --parent "$launcher"; do
    kill -0 "$launcher" 2>/dev/null || { cat "$folder/$1.log" >&2; exit 3; }
    sleep 0.01
  done
}

await() {  # name: until it answers
  for _ in $(seq 100); do
    nsenter --target "$(cat "$folder/node1.pid")" --net --mount ssh "$1" true && return
    sleep 0.05
  done 2>/dev/null
  echo "hosts.sh: $1 does not answer" >&2
  cat "$folder/$1".*log >&2
  exit 3
}

be_the_switch() {
  mount -t tmpfs tmpfs /run
  ssh-keygen -q -t ed25519 -N '' -f "$folder/key"
  {
    echo "127.0.0.1 localhost"
    for i in $(seq "$count"); do echo "$NETWORK.$i node$i"; done
  } >"$folder/hosts"
  printf '%s\n' "HostKey $folder/key" "AuthorizedKeysFile $folder/key.pub" "StrictModes no" \
    "PermitRootLogin yes" "UsePAM no" "PidFile none" "MaxStartups 200" >"$folder/sshd_config"
  printf '%s\n' "IdentityFile $folder/key" "IdentitiesOnly yes" "StrictHostKeyChecking no" \
    "UserKnownHostsFile /dev/null" "BatchMode yes" "ConnectTimeout 5" "LogLevel ERROR" \
    >"$folder/ssh_config"
  ip link add switch type bridge
  ip link set switch up
  for i in $(seq "$count"); do
    node=$(start_node "node$i")
    echo "$node" >"$folder/node$i.pid"
    ip link add "cable$i" type veth peer name eth0 netns "$node"
    ip link set "cable$i" master switch up
    nsenter --target "$node" --net ip addr add "$NETWORK.$i/24" dev eth0
    nsenter --target "$node" --net ip link set eth0 up
  done
  for i in $(seq "$count"); do await "node$i"; done
  echo ready
  cat >/dev/null
}

be_a_node() {  # name
  hostname "$1"
  ip link set lo up
  mount --bind "$folder/hosts" /etc/hosts
  mount --bind "$folder/ssh_config" /etc/ssh/ssh_config
  # A /tmp of its own hides what is shared below /tmp: that waits on /mnt for a moment.
  local i all=("$folder" "${shared[@]}")
  mount -t tmpfs tmpfs /mnt
  for i in "${!all[@]}"; do
    mkdir "/mnt/$i"
    mount --bind "${all[i]}" "/mnt/$i"
  done
  for private in /tmp /run /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$private"; done
  for i in "${!all[@]}"; do
    mkdir -p "${all[i]}"
    mount --move "/mnt/$i" "${all[i]}"
  done
  umount /mnt
  mkdir -m 755 /run/sshd
  until ip -4 -oneline addr show dev eth0 2>/dev/null | grep -q "$NETWORK"; do sleep 0.02; done
  exec /usr/sbin/sshd -D -f "$folder/sshd_config" -E "$folder/$1.sshd.log"
}

self=$(realpath "$0")
folder=$(realpath "$1")
count=$2
shared=("${@:3}")
case ${HOSTS_ROLE:-} in
  "")
    for program in ip /usr/sbin/sshd ssh ssh-keygen unshare nsenter pgrep; do
      command -v "$program" >/dev/null || { echo "hosts.sh: $program is missing" >&2; exit 3; }
    done
    HOSTS_ROLE=switch exec unshare --net --mount --pid --fork --kill-child --mount-proc \
      "$self" "$folder" "$count" "${shared[@]}"
    ;;
  switch) be_the_switch ;;
  *) be_a_node "$HOSTS_ROLE" ;;
esac
