# Start the first agent that is there, as root. Arguments: what sudo shall say when it asks for the password that the
# controller has, or nothing where it has none; then the places of all agents that fit, one of which may be there.
# Exit 97: none is there, and standard error names the architecture, and xz where that can be unpacked. Exit 98: no sudo.
export LC_ALL=C.UTF-8
prompt=$1
shift
for agent; do
  [ -f "$agent" ] || continue
  [ "$(id -u)" = 0 ] && exec "$agent" agent
  command -v sudo >/dev/null || exit 98
  [ -n "$prompt" ] && exec sudo -S -p "$prompt" "$agent" agent
  exec sudo -n "$agent" agent
done
echo "ocrctl: no agent for $(uname -m)" >&2
if command -v xz >/dev/null || [ -x /usr/lib/apt/apt-helper ]; then echo "ocrctl: xz is welcome" >&2; fi
exit 97
