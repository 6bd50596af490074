#compdef engine-ctl
# Completion of engine-ctl in zsh: engine-ctl completion zsh > a directory of $fpath, as _engine-ctl
@TABLES@
_engine_ctl() {
    local at=engine-ctl system= expects= word key
    integer number=1 place
    for ((place = 2; place < CURRENT; place++)); do
        word=$words[place] key="$at $words[place]"
        if [[ -n $expects ]]; then
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
    if [[ -z $expects && $words[CURRENT] == -* ]]; then
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
        "="*) compadd -- ${=expects#=} ;;
        files) _files ;;
        directories) _files -/ ;;
        none | '') ;;
        *) compadd -- ${(f)"$(engine-ctl completion --values $expects --system "$system" 2>/dev/null)"} ;;
    esac
}
if [[ $funcstack[1] == _engine-ctl ]]; then
    _engine_ctl "$@"
else
    compdef _engine_ctl engine-ctl
fi
