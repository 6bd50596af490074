# Completion of engine-ctl in bash: engine-ctl completion bash > /etc/bash_completion.d/engine-ctl
@TABLES@
_engine_ctl() {
    local current=$2 at=engine-ctl system= expects= number=1 place word key
    [[ $current == = ]] && current=
    for ((place = 1; place < COMP_CWORD; place++)); do
        word=${COMP_WORDS[place]} key="$at ${COMP_WORDS[place]}"
        if [[ $word == = ]]; then
            continue
        elif [[ -n $expects ]]; then
            [[ $expects == systems ]] && system=$word
            expects=
        elif [[ $word == -* ]]; then
            expects=${_engine_ctl_takes[$key]-}
        elif [[ " ${_engine_ctl_inner[$at]-} " == *" $word "* ]]; then
            at=$key
        else
            ((number++))
        fi
    done
    if [[ -z $expects && $current == -* ]]; then
        expects="=${_engine_ctl_options[$at]-}"
    elif [[ -z $expects && -n ${_engine_ctl_inner[$at]-} ]]; then
        expects="=${_engine_ctl_inner[$at]}"
    elif [[ -z $expects ]]; then
        key="$at $number"
        expects=${_engine_ctl_arguments[$key]-}
        key="$at last"
        expects=${expects:-${_engine_ctl_arguments[$key]-}}
    fi
    case $expects in
        =*) mapfile -t COMPREPLY < <(compgen -W "${expects#=}" -- "$current") ;;
        files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        none | '') COMPREPLY=() ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$(engine-ctl completion --values "$expects" --system "$system" 2>/dev/null)" -- "$current") ;;
    esac
}
complete -F _engine_ctl engine-ctl
