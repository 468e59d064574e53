#!/bin/sh
# A sendmail that delivers each mail into a file of its own: sendmail.sh <folder> [sendmail's own options, ignored]
# The name sorts by time; the file appears whole.
draft=$(mktemp "$1/.draft-XXXXXXXX") && cat >"$draft" && mv "$draft" "$1/$(date +%s%N)-$$.eml"
