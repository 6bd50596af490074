# Completion of engine-ctl in fish: engine-ctl completion fish > ~/.config/fish/completions/engine-ctl.fish
set -g __engine_ctl_commands @COMMANDS@
function __engine_ctl_at
    set -l at engine-ctl
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" $__engine_ctl_commands
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c engine-ctl -f
@TABLES@
