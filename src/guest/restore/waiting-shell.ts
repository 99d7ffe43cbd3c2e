/**
 * What waits for the end of a client: a shell, which is there in a millisecond where Node takes a tenth of a second. It takes the
 * watchdog's messages, and starts the watchdog's program when there is something to put back: that reads the last plan as its
 * own first message. A last line that was cut short does not count: what it announces was not done.
 *
 * `$1` is Node, `$2` the program, `$3` the client. Without `/proc` and `sleep` it ends at once.
 *
 * - `end_stuck_client`: the client holds the monitor and does not come to resume its guest. As long as the shell is its child, the
 *   number is its own. Second by second: should the shell be killed, this does not outlive it for long.
 * - `cancel`: ends all that is in this process group, which is the watchdog's own, but the shell itself. It is collected: where no
 *   init process does that, the dead would stay.
 *
 * @internal
 */
export const WAITING_SHELL = `
client=$3 plan= timer=
[ -r "/proc/$$/stat" ] && command -v sleep >/dev/null || exit 1
end_stuck_client() {
  trap exit TERM
  left=$((($1 + 999) / 1000))
  while [ "$left" -gt 0 ]; do
    sleep 1
    read -r stat <"/proc/$$/stat" || exit
    left=$((left - 1))
  done
  set -- \${stat##*) }
  [ "$2" != "$client" ] || kill -KILL "$client"
}
cancel() {
  [ -n "$timer" ] || return 0
  trap : TERM
  kill -TERM 0
  trap - TERM
  wait "$timer"
  timer=
}
echo ready
exec >/dev/null
while IFS= read -r line; do
  case $line in
  '{"plan":'*) plan=$line ;;
  '{"disarm":'*) plan= ;;
  '{"deadline":null}') cancel ;;
  '{"deadline":'*)
    cancel
    ms=\${line#*:}
    end_stuck_client "\${ms%\\}}" &
    timer=$!
    ;;
  esac
done
cancel
[ -n "$plan" ] || exit 0
exec "$1" "$2" <<END
$plan
END
`;
