#!/usr/bin/env bash
# A training on four machines of a Slurm cluster:
#
#     sbatch examples/launch/slurm.sh /shared/run
#
# JAX asks Slurm for address, count and number. Where a process ends with status 75 or is killed, all are started again, but not
# after an exception, where all end with status 1. Where a machine is lost, Slurm puts the job into its queue again (--requeue).
# The training goes on from its backup.
#SBATCH --job-name=jkeras
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --output=%x-%j.log
set -uo pipefail

folder=${1:?give a folder that all machines see}
script=${JKERAS_SCRIPT:-examples/launch/train.py}
restarts=${JKERAS_RESTARTS:-20}
again=75

for ((life = 0; life <= restarts; life++)); do
  # One process that ends badly ends the others: those that have not joined yet would wait for it.
  srun --kill-on-bad-exit=1 --ntasks-per-node=1 python "$script" --folder "$folder"
  status=$?
  # Slurm gives the highest status: 75 of those that were left, or 128 + 9 of the one that was killed.
  if ((status != again && status <= 128)); then
    exit "$status"
  fi
  echo "life $life ended with status $status; all start again" >&2
done
echo "ended $restarts times; look for the reason above" >&2
exit "$again"
