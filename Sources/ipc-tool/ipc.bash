# bash completion for ipc(1)

_ipc() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local ipc=${COMP_WORDS[0]} words='' IFS=$' \t\n'
	COMPREPLY=()
	# The value of an option that is written --option=value: bash takes the = for a word.
	if [ "$current" = = ]; then
		current=
	elif [ "$before" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'list call listen monitor bench --help --version' -- "$current")
		return
	fi
	case $before in
	--output)
		case $command in
		call | listen) words='text raw json' ;;
		*) words='text json' ;;
		esac
		;;
	--type) words='data error server-close lookup' ;;
	--exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
		return
		;;
	--user-type | --replies | --timeout | --count | --size | --in-flight | --seconds | --as) return ;;
	*)
		if [[ $current == -* ]]; then
			# The help has each option on a line of its own.
			words=$("$ipc" "$command" --help 2> /dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
		else
			local index named=''
			for ((index = 2; index < COMP_CWORD; index++)); do
				case ${COMP_WORDS[index]} in
				--output | --type | --exec | --user-type | --replies | --timeout | --count | --size | --in-flight | --seconds | --as)
					((index++))
					[ "${COMP_WORDS[index]}" != = ] || ((index++))
					;;
				--*) ;;
				*) named=yes ;;
				esac
			done
			# One name, but of list as many as one likes. A new service has a new name.
			[ -z "$named" ] || [ "$command" = list ] || return
			[ "$command" != listen ] || return
			IFS=$'\n'
			words=$("$ipc" list --names 2> /dev/null)
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _ipc ipc
