#!/bin/sh
# List the largest files below a folder, biggest first.
# Usage: largest.sh [FOLDER [COUNT]]
set -eu

folder=${1:-.}
count=${2:-10}

if [ ! -d "$folder" ]; then
    # TODO: say what is wrong
    exit 1
fi

find "$folder" -type f -exec du -k {} + | sort -rn | head -n "$count"
