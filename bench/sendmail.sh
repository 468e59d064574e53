# sendmail.sh <folder> [options of sendmail, ignored]: store the mail from standard input. The process number names it.
exec cat >"$1/$$.eml"
