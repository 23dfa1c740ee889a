# Run a script as root. Arguments: what sudo shall say when it asks for the password that the controller has, or nothing
# where it has none; then the script and its arguments. Exit 98: no sudo.
export LC_ALL=C.UTF-8
prompt=$1
shift
[ "$(id -u)" = 0 ] && exec sh -c "$@"
command -v sudo >/dev/null || exit 98
[ -n "$prompt" ] && exec sudo -S -p "$prompt" sh -c "$@"
exec sudo -n sh -c "$@"
