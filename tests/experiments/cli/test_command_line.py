"""Every way to mistype a command line, and what becomes of it."""

import fnmatch
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from experiments.cli.complaints import nearest
from experiments.cli.jobs import MISTAKE, Failure, JobError
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from tests.experiments.cli.conftest import Invoke
from tests.experiments.conftest import CONFIGS

INTEGER = "could not be converted to Integer"

MISTAKES = [
    # A choice.
    ("model=sortpol", "model=sortpol: no such choice; did you mean sortpool? (choices: attention, *)"),
    ("model=", "model=: no such choice (choices: attention, *)"),
    ("model=3", "model=3: * (choices: attention, *)"),
    ("model=null", "model=null: * (choices: attention, *)"),
    ("model=???", "model=???: *You must specify 'model'* (choices: attention, *)"),
    ("sort=native", "sort=native: no such choice; did you mean manual:native? (choices: bitonic, *)"),
    ("hydra/launcher=basik", "hydra/launcher=basik: no such choice; did you mean basic? *"),
    ("++model=maxpool", "++model=maxpool: * not supported: *; write model=maxpool"),
    ("~trainer", "~trainer: trainer.steps has no value without it; leave ~trainer out"),
    # A group.
    ("modle=sortpool", "modle: no such key; did you mean model?"),
    ("network=sortpool", "network: no such key; did you mean model=sortpool?"),
    ("hydra/luncher=basic", "hydra/luncher: no such key; did you mean hydra/launcher?"),
    ("experiment=smoke", "experiment=smoke: *use +experiment=smoke"),
    ("+experiment=smoek", "experiment=smoek: no such choice; did you mean smoke? (choices: crps, *)"),
    ("+model=maxpool", "+model=maxpool: Multiple values for model*; write model=maxpool"),
    ("+experimnt=smoke", "experimnt: no such key; did you mean +experiment?"),
    ("~experiment", "~experiment: Could not delete 'experiment'*"),
    # A key.
    ("trainer.stpes=3", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("+trainer.stpes=3", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("trainer={stpes:3}", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("lr=0.1", "lr: no such key; did you mean optimizer.learning_rate?"),
    ("trainer.seed=3", "trainer.seed: no such key; did you mean seed?"),
    ("model/pieces=3", "model/pieces: no such key; did you mean model.pooling.pieces?"),
    ("model=maxpool model.pooling.pieces=3", "model.pooling.pieces: no such key (keys of model.pooling: *)"),
    ("xyz=3", "xyz: no such key (keys: seed, task, model, *)"),
    ("hydra.rnu.dir=x", "hydra.rnu: no such key; did you mean hydra.run?"),
    ("+seed=3", "+seed=3: *Either remove + prefix: 'seed=3'*"),
    # A value.
    ("seed=abc", f"seed=abc: *{INTEGER}; write seed=0"),
    ("seed=1e3", f"seed=1e3: *{INTEGER}; write seed=1000"),
    ("seed=null", "seed=null: field 'seed' is not Optional; write seed=0"),
    ("seed=", f"seed=: *{INTEGER}; write seed=0"),
    ("optimizer.learning_rate=fast", "optimizer.*=fast: * to Float; write optimizer.learning_rate=0.005"),
    ("trainer.profile=maybe", "trainer.profile=maybe: * is not a valid bool *; write trainer.profile=false"),
    ("model.point_widths=64", "model.point_widths=64: *; write 'model.point_widths=[[]64,128]'"),
    ("model.point_widths=[a]", f"model*: *{INTEGER}; write 'model.point_widths=[[]64,128]'"),
    ("sort=odd_even sort.temperature=3", "sort.temperature: no such key (keys of sort: *, steepness, *)"),
    ("sort=softsort sort.temperature=low", "sort.temperature=low: * to Float; write sort.temperature=0.1"),
    ("hydra.mode=FAST", "hydra.mode=FAST: Invalid value 'FAST', expected one of [[]RUN, MULTIRUN]*"),
    ("hydra.job.env_copy=[NO_SUCH]", "hydra.job.env_copy=* 'NO_SUCH'"),
    ("seed=${modle.name}", "seed=*: Interpolation key 'modle.name' not found; did you mean model.name?"),
    ("model.name=${oc.env:NO_SUCH}", "model.name=*'NO_SUCH' not found*"),
    ("model.name=???", "model.name: no value; write model.name=VALUE"),
    ("seed=1,2", "seed=1,2: several values; put -m first *, or write 'seed=[[]1,2]' for a list"),
    # The grammar.
    ("seed", "seed: no value; write seed=VALUE"),
    ("sortpool", "sortpool: not a setting; did you mean model=sortpool?"),
    ("=3", "=3: no key; write key=value"),
    ("/model=sortpool", "/model=sortpool: not a setting; write key=value"),
    ("model=[", "model=[[]: a quote or bracket is not closed, or should be quoted: 'model=\"[[]\"'"),
    ("model.name='a", "model.name='a: a quote or bracket is not closed*"),
    ("seed=int(a)", "seed=int(a): invalid literal for int() with base 10: 'a'"),
    # A flag.
    ("--seed=3", "--seed=3: settings take no dashes; write seed=3"),
    ("--seed 3", "--seed: no such flag; a setting takes no dashes, as in seed=VALUE"),
    ("--multrun seed=1,2", "--multrun: no such flag; did you mean --multirun?"),
    ("--cfg jbo", "argument --cfg/-c: invalid choice: 'jbo' (choose from *"),
    ("--help model=xyz", "model=xyz: no such choice (choices: attention, *)"),
    ("--resolve", "The --resolve flag can only be used *"),
    ("-m --cfg job", "Only one of --run, --multirun, --cfg, --info and *"),
    ("--config-dir no/such", "--config-dir no/such: no such directory"),
    ("--config-name no_such", "Cannot find primary config 'no_such'. Check that *"),
    ("--config-path /no/such", "Primary config directory not found. Check that *'/no/such'*"),
    # A directory.
    ("hydra.run.dir=file/x", "hydra.run.dir=file/x: *file is not a directory; write hydra.run.dir=ANOTHER_*"),
    ("hydra.run.dir=${no.such}/x", "*Interpolation key 'no.such' not found"),
    ("trainer.resume=no/such", "trainer.resume=no/such: no such directory; write trainer.resume=outputs/*"),
    ("trainer.resume=.", "trainer.resume=.: not the directory of a run; write trainer.resume=outputs/*"),
    # A sweep.
    ("-m model=sortpool,maxpol", "model=maxpol: no such choice; did you mean maxpool? (choices: *)"),
    ("-m seed=1,abc", f"seed=abc: *{INTEGER}; write seed=0"),
    ("-m model=glob(x*)", "model=glob(x[*]): no values, so no jobs; name at least one"),
    ("-m seed=range(1000000)", "seed=range(1000000): a job for each value; name fewer than 100,000"),
    ("-m seed=interval(0,1)", "seed=interval(0,1): a sweep lists its values, as in seed=1,2,3"),
    ("-m hydra.verbose=true,false", "hydra.verbose=*: Hydra's own settings take one value in a sweep"),
    ("-m hydra.sweep.dir=file", "hydra.sweep.dir=file: *; write hydra.sweep.dir=ANOTHER_DIRECTORY"),
    ("-m hydra/launcher=slurm seed=1,2", "hydra/launcher=slurm: no SLURM on this machine (no srun); *"),
    ("-m trainer.resume=a,b", "trainer.resume=a,b: several runs to go on from; write one"),
    ("+experiment=crps optimizer=sgd", "experiment=crps: optimizer.transform.weight_decay: no such key (*"),
    ("+experiment=pooling model=maxpol,pswe", "model=maxpol: no such choice; did you mean maxpool? *"),
    ("+experiment=pooling hydra.sweeper.params.model=dgcn", "model=dgcn: no such choice; did you mean *"),
]


@pytest.mark.parametrize(("typed", "told"), MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_a_mistake_is_one_line_and_costs_nothing(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, typed: str, told: str
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # without srun
    Path("file").touch()
    ran: list[DictConfig] = []
    outcome = invoke(*typed.split(" "), task=ran.append)
    assert fnmatch.fnmatchcase(outcome.err, f"error: {told}\n")
    assert (outcome.err.count("\n"), outcome.status, outcome.out, ran) == (1, 2, "", [])
    assert os.listdir() == ["file"], "a mistake left something behind"


@pytest.mark.parametrize(("typed", "key"), [("", "hydra.run.dir"), ("-m", "hydra.sweep.dir")])
def test_a_directory_must_be_writable(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, typed: str, key: str
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    outcome = invoke(*typed.split(), f"{key}=a/b")
    told = f"{key}=a/b: {Path.cwd()} cannot be written to; write {key}=ANOTHER_DIRECTORY"
    assert (outcome.err, outcome.status, os.listdir()) == (f"error: {told}\n", 2, [])


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "model=sortpool sort=manual:native seed=3",
        "+experiment=smoke seed=3 model.point_widths.0=64 optimizer.learning_rate=1 optimizer.clip=null",
        "seed=${trainer.steps} +hydra.job.env_set.SOMETHING=1 hydra.run.dir=a/${model.name}/c",
        "trainer={steps:3} --config-dir . ++seed=3",
        "-m seed=1,2 model=glob(m*pool)",
        "-m hydra/sweeper=basic seed=1,2",
    ],
)
def test_what_is_right_runs(invoke: Invoke, typed: str) -> None:
    ran: list[DictConfig] = []
    outcome = invoke(*typed.split(), task=ran.append)
    assert outcome.status == 0, outcome.err
    assert ran
    assert "hydra" not in ran[0]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "--help",
            "sort: bitonic, builtin, double_argsort, lapsum, manual, manual:native, manual:xla, neuralsort",
        ),
        ("--hydra-help", "== Flags =="),
        ("--version", "Hydra 1."),
        ("--cfg job model=maxpool --resolve --package model", "name: maxpool"),
        ("--info defaults-tree", "model: sortpool"),
        ("-sc query=bash", "model="),
    ],
)
def test_flags_do_as_in_hydra(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, typed: str, shown: str
) -> None:
    monkeypatch.setenv("COMP_LINE", "python train.py mod")
    monkeypatch.setenv("COMP_POINT", "19")
    outcome = invoke(*typed.split())
    assert (outcome.status, outcome.err, os.listdir()) == (0, "", [])
    assert shown in outcome.out


FILES = [
    ("experiment", "trainer: {stpes: 3}", "trainer.stpes: no such key; did you mean trainer.steps?"),
    ("experiment", "xyz: 3", "xyz: no such key (keys: seed, task, model, *)"),
    ("experiment", "defaults: [override /model: sortpol]", "model=sortpol: no such choice; did you mean *"),
    ("experiment", "trainer: {steps: many}", "trainer.steps: Value 'many' *; write trainer.steps=2000"),
    ("experiment", "model: {point_widths: 32}", "model.point_widths: * is not a ListConfig*"),
    ("experiment", "a: b: c", "*mine.yaml, line 2: not valid YAML: mapping values *"),
    ("model", "defaults: [/FSPool@_here_, _self_]\npeices: 3", "model.peices: no such key; did you mean *"),
]


@pytest.mark.parametrize(("group", "text", "told"), FILES, ids=[text for _, text, _ in FILES])
def test_a_mistake_in_a_file_is_told(invoke: Invoke, group: str, text: str, told: str) -> None:
    path = Path("more", group, "mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(("# @package _global_" if group == "experiment" else "#") + f"\n{text}\n")
    plus = "+" if group == "experiment" else ""
    outcome = invoke("--config-dir", "more", f"{plus}{group}=mine")
    assert (outcome.status, outcome.err.count("\n"), os.listdir()) == (2, 1, ["more"])
    assert fnmatch.fnmatchcase(outcome.err, f"error: *{group}=mine: {told}\n")


def test_a_choice_of_ones_own_needs_no_declaration(invoke: Invoke) -> None:
    Path("more", "model").mkdir(parents=True)
    Path("more", "model", "mine.yaml").write_text("name: mine\n_target_: my.Model")
    seen: list[DictConfig] = []
    assert invoke("--config-dir", "more", "model=mine", "+model.depth=3", task=seen.append).status == 0
    assert seen[0].model == {"name": "mine", "_target_": "my.Model", "depth": 3}
    told = invoke("--config-dir", "more", "model=mien").err
    assert told.startswith("error: model=mien: no such choice; did you mean mine?")


def mistaken(config: DictConfig) -> float:
    if config.seed == 13:
        raise UserError("thirteen is unlucky;\n take another seed")
    if config.seed == 14:
        raise RuntimeError("boom")
    if config.seed == 15:
        signal.raise_signal(signal.SIGTERM)
    return 0.0


@pytest.mark.parametrize("output", ["outputs", "a/b"])
def test_a_mistake_that_the_task_tells_leaves_nothing(invoke: Invoke, output: str) -> None:
    Path("a").mkdir()
    outcome = invoke("seed=13", f"hydra.run.dir={output}/run", task=mistaken)
    assert (outcome.err, outcome.status) == ("error: thirteen is unlucky; take another seed\n", 2)
    assert [str(path) for path in Path().rglob("*")] == ["a"]


def test_a_mistake_shows_through_instantiation(invoke: Invoke) -> None:
    def task(_: DictConfig) -> None:
        raise InstantiationException("Error in call to target") from UserError("too wide")

    assert invoke(task=task).err == "error: too wide\n"


@pytest.mark.parametrize("error", [RuntimeError("boom"), OSError("disk"), ValueError("shape")])
@pytest.mark.parametrize("begun", [True, False])
def test_a_bug_keeps_its_traceback(invoke: Invoke, error: Exception, begun: bool) -> None:
    def task(config: DictConfig) -> None:
        hydra = HydraConfig.get()
        if begun:
            RunDirectory(Path(hydra.runtime.output_dir)).begin(config, hydra)
        raise error

    outcome = invoke("hydra.run.dir=run", task=task)
    assert outcome.status == 1
    assert outcome.err.startswith("Traceback")
    assert outcome.err.endswith(f"{type(error).__name__}: {error}\n")
    assert "cli/jobs.py" not in outcome.err
    assert Path("run", "error.txt").exists() == Path("run").exists() == begun


@pytest.mark.parametrize("typed", ["seed=15", "-m seed=1,15,2 hydra.sweep.dir=here"])
def test_a_signal_is_a_short_line(invoke: Invoke, typed: str) -> None:
    outcome = invoke(*typed.split(), task=mistaken)
    goes_on = "; the same command with hydra.sweep.dir=here goes on" if "-m" in typed else ""
    assert (outcome.err.splitlines()[-1], outcome.status) == (f"stopped by SIGTERM{goes_on}", 143)


def test_a_sweeper_that_needs_results_learns_of_a_failure(invoke: Invoke) -> None:
    outcome = invoke("-m", "hydra/sweeper=basic", "seed=13,14", task=mistaken)
    assert outcome.err.splitlines()[-1] == "error: seed=13: thirteen is unlucky; take another seed"
    assert outcome.status == 2
    error = JobError(Failure("unlucky", MISTAKE, job="seed=13"))
    assert pickle.loads(pickle.dumps(error)).args == error.args  # noqa: S301


def test_full_errors_on_request(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    for typed in ("model=maxpol", "model=[", "seed=13", "seed=14"):
        outcome = invoke(typed, task=mistaken)
        assert "Traceback" in outcome.err, typed
        assert outcome.status == (1 if typed == "seed=14" else 2)


def test_a_script_needs_one_call(tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text(
        "from pathlib import Path\nfrom experiments.cli import run\n\n"
        "def fit(config):\n    print(config.seed)\n\n"
        f"run(fit, config_dir=Path({str(CONFIGS)!r}), config_name='train')\n"
    )
    done = subprocess.run(
        [sys.executable, "fit.py", "seed=3", "hydra.run.dir=output"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CONFIGS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("3\n", "", 0)


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("steps", ["step", "steps"], "steps"),
        ("batch", ["trainer.batch_size", "model.depth"], "trainer.batch_size"),
        ("LR", ["optimizer.learning_rate"], "optimizer.learning_rate"),
        ("trainer.batch-size", ["trainer.batch_size"], "trainer.batch_size"),
        ("a", ["b"], None),
        ("a", [], None),
    ],
)
def test_nearest(typed: str, known: list[str], meant: str | None) -> None:
    assert nearest(typed, known) == meant
