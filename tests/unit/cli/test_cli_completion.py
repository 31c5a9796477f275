from __future__ import annotations

import subprocess

import pytest

from hotplate.cli import COMMANDS


def complete(script, *words):
    line = " ".join(f"'{word}'" for word in words)
    code = f'{script}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n_hotplate\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("hotplate", ""), list(COMMANDS)),
        (("hotplate", "i"), ["init", "inspect", "invoke"]),
        (("hotplate", "run", "--po"), ["--port"]),
        (("hotplate", "config", "e"), ["explain"]),
        (("hotplate", "completion", ""), ["-h", "--help", "bash", "zsh", "fish"]),
        (("hotplate", "run", "$(touch ran)"), []),
        (("hotplate", "nonsense", "--"), []),
    ],
)
def test_bash_completes_commands_and_options(cli, tmp_path, words, found):
    assert complete(cli("completion", "bash").out, *words) == found
    assert not (tmp_path / "ran").exists()


def test_a_file_name_is_never_run(cli, tmp_path):
    (tmp_path / "$(touch ran)").touch()
    script = cli("completion", "bash").out
    assert "complete -o default -F _hotplate hotplate" in script, "the shell itself completes file names"
    assert "compgen -f" not in script
    complete(script, "hotplate", "run", "")
    assert not (tmp_path / "ran").exists()


def test_zsh_gets_the_same_through_its_bash_emulation(cli):
    zsh = cli("completion", "zsh").out
    assert zsh.startswith("autoload -U +X bashcompinit && bashcompinit\n")
    assert zsh.endswith(cli("completion", "bash").out)


def test_fish_gets_a_line_for_each_option(cli):
    lines = cli("completion", "fish").out.splitlines()
    assert all(line.startswith("complete -c hotplate ") for line in lines)
    for command in COMMANDS:
        assert any(f"-a {command} " in line for line in lines)
    assert any("from run' -l port -r" in line for line in lines)
    assert any("from run' -l reload -d" in line for line in lines), "a flag takes no value"
