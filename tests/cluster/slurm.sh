#!/bin/bash
# slurm.sh FOLDER COUNT CPUS: a Slurm of COUNT nodes with CPUS each; to be started on node1
#
# The nodes are those of hosts.sh: key, sockets and state are in each one's own /run and end with it.
# FOLDER, shared by all, gets slurm.conf and the logs. No accounting, so use scontrol, not sacct.
# CPUS must not exceed the real cores: Open MPI 5 binds to them. Needs munge, slurmctld, slurmd.
set -euo pipefail

folder=$(realpath "$1")
count=$2
cpus=$3

for program in munged slurmctld slurmd sinfo; do
  command -v "$program" >/dev/null || { echo "slurm.sh: $program is missing" >&2; exit 3; }
done

cat >"$folder/slurm.conf" <<END
ClusterName=lab
SlurmctldHost=node1
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=/run/slurmctld
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=20
KillWait=5
MinJobAge=300
NodeName=node[1-$count] CPUs=$cpus RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
export SLURM_CONF=$folder/slurm.conf

(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
cat >"$folder/start_munged" <<END
mkdir -m 755 /run/munge
munged --force --key-file=$folder/munge.key --log-file=/run/munge/log --seed-file=/run/munge/seed
END
for i in $(seq "$count"); do ssh "node$i" bash -eu <"$folder/start_munged"; done
slurmctld -f "$SLURM_CONF" -c
for i in $(seq "$count"); do ssh "node$i" bash -eu <<<"slurmd -f $SLURM_CONF"; done
for _ in $(seq 100); do
  [ "$(sinfo --noheader --states=idle --format=%D)" = "$count" ] && exit
  sleep 0.1
done
sinfo --Node --long >&2
tail -n 5 "$folder"/slurm*.log >&2
exit 3
