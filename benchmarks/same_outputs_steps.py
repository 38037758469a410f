"""The sources that `same_outputs.py` uses, and the steps of each.

A step is one line: its name and its command. The name is the folder that the command writes to; `--steps` picks a
step by the first word of its name, up to a dash. A path that begins with another step's name is read from that step.
`data/` holds the data that OLD simulated or copied, `config/` the settings of the checkout's own example.
"""

import hashlib
from typing import NamedTuple


class Step(NamedTuple):
    """One command.

    Attributes
    ----------
    name
        Its folder.
    command
        Its words; the first is `churn`, `python` (a script of the checkout) or one of SCRIPTS.
    """

    name: str
    command: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of step, such as `score`."""
        return self.name.partition("-")[0]


class Source(NamedTuple):
    """Data, and the steps run on them.

    Attributes
    ----------
    name
        Its folder.
    steps
        In order.
    simulate
        Arguments of `churn simulate`, which OLD runs once for both; none for other data.
    copies
        Files of the shared data, and how many lines of each (0: all).
    example
        The folder of the checkout's examples whose settings are used.
    """

    name: str
    steps: tuple[Step, ...]
    simulate: str = ""
    copies: tuple[tuple[str, int], ...] = ()
    example: str = ""

    def needs(self, step: Step) -> list[Step]:
        """List the steps whose outputs a step reads, each after those it needs itself."""
        read = [other for other in self.steps if any(word.startswith(f"{other.name}/") for word in step.command)]
        needed = [need for other in read if other != step for need in (*self.needs(other), other)]
        return list(dict.fromkeys(needed))

    def fingerprint(self, step: Step) -> str:
        """Hash everything that a step's outputs depend on, except the code."""
        parts = [self.simulate, self.copies, self.example, *((s.name, s.command) for s in self.needs(step)), step]
        if step.command[0] in SCRIPTS:
            parts.append(SCRIPTS[step.command[0]])
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def parse_steps(text: str) -> tuple[Step, ...]:
    r"""Read steps from lines; one that begins with a space goes on with the line before.

    Examples
    --------
    >>> parse_steps("score-csv  churn score bank\n  -o score-csv/s.csv")[0].kind
    'score'
    """
    lines = [line.split() for line in text.replace("\n ", " ").splitlines()]
    return tuple(Step(words[0], tuple(words[1:])) for words in lines if words)


SCRIPTS = {
    # Every command's help, from one process, since starting one takes longest.
    "help": """
from churn.cli import main
for name in "", *"baselines champion check compare demo explain features plan report score simulate train tune".split():
    print(f"=== churn {name}", flush=True)
    try:
        main([*filter(None, [name]), "--help"])
    except SystemExit as stop:
        print(f"=== {stop.code or 0}", flush=True)
""",
    # A registry of its own, from the first model in it to the champion fetched, and what its database holds of runs.
    "track": """
import os, shutil, sqlite3, subprocess, sys
from contextlib import closing
data, config, model, out = sys.argv[1:]
del os.environ["CHURN_NO_TRACK"]
shutil.rmtree("mlruns", ignore_errors=True)
for words in (
    f"train {data} --config {config} -o {out}/second --learner scorecard",
    "champion --json",
    f"champion --set {model} --reason golden --json",
    f"compare {data} --config {config} --model {out}/second --promote --json",
    f"champion --set {out}/second",
    "champion --back",
    f"champion -o {out}/champion",
):
    print(f"=== churn {words}", flush=True)
    print(f"=== {subprocess.run([sys.executable, '-m', 'churn', *words.split()]).returncode}", flush=True)
with closing(sqlite3.connect("mlruns/mlflow.db")) as database:
    for table, value in ("params", "value"), ("metrics", "value"), ("tags", "''"), ("model_version_tags", "''"):
        for key, found in database.execute(f"SELECT key, {value} FROM {table} WHERE key <> 'seconds' ORDER BY 1, 2"):
            print(table, key, found)
""",
}

SIMULATE = parse_steps("""
simulate          churn simulate simulate/bank --customers 400 --months 30 --seed 3
simulate-csv      churn simulate simulate-csv/bank --customers 300 --months 24 --seed 4 --format csv --drift --shock
simulate-plain    churn simulate simulate-plain/bank --customers 300 --months 24 --no-campaigns --confounders observed
help              help
features-words    churn features --catalogue
features-json     churn features --catalogue --json
""")

BANK = parse_steps("""
check             churn check data/bank
check-zh          churn check data/bank --lang zh
check-json        churn check data/bank --json
features          churn features data/bank --as-of 2025-01-01 -o features/features.parquet
features-csv      churn features data/bank --as-of 2024-07-01 -o features-csv/features.csv
train             churn train data/bank -o train/model
train-anchor      churn train data/bank -o train-anchor/model --as-of 2024-01-01 --as-of 2025-01-01 --anchor --json
score             churn score data/bank --model train/model --as-of 2026-01-01 -o score/scores.parquet --json
score-csv         churn score data/bank --model train/model --as-of 2026-01-01 -o score-csv/scores.csv
score-explain     churn score data/bank --model train/model --as-of 2026-01-01 -o score-explain/scores.parquet --explain
score-words       churn score data/bank --model train/model --as-of 2026-01-01 -o score-words/scores.csv --explain
explain           churn explain data/bank --model train/model --as-of 2026-01-01 -o explain/explained
explain-truth     churn explain data/bank --model train/model --as-of 2025-01-01
                  -o explain-truth/explained --truth --json
customer          churn explain data/bank --model train/model --as-of 2026-01-01 --customer C0000542 --bind cts
customer-zh       churn explain data/bank --model train/model --as-of 2026-01-01 --customer C0000308 --lang zh
customer-json     churn explain data/bank --model train/model --as-of 2026-01-01 --customer C0000362 --json
customer-none     churn explain data/bank --model train/model --as-of 2026-01-01 --customer nobody
baselines         churn baselines data/bank --model train/model
baselines-json    churn baselines data/bank --model train/model --as-of 2024-10-02 --json
anchoring         churn baselines data/bank --model train/model --as-of 2026-01-01 --anchor -o anchoring/model
anchoring-score   churn score data/bank --model anchoring/model --as-of 2026-01-01 -o anchoring-score/scores.parquet
compare           churn compare data/bank --candidate scorecard --candidate monotone --snapshots 2 --json
plan              churn plan data/bank --scores score-explain/scores.parquet -o plan/plan
plan-csv          churn plan data/bank --scores score-words/scores.csv
                  -o plan-csv/plan --lang zh --date 2026-01-05 --json
page              churn report data/bank --model train/model --scores score-explain/scores.parquet
                    --explained explain/explained -o page/pages --each-branch --measures page/measures.csv --json
page-zh           churn report data/bank --model train/model --scores score-explain/scores.parquet
                    --explained explain/explained -o page-zh/page.html --lang zh
page-branch       churn report data/bank --model train/model --scores score-explain/scores.parquet
                    --explained explain/explained -o page-branch/page.html --branch B001
""")

CHINESE = parse_steps("""
extract           python examples/chinese/make_extract.py data/bank extract/tables
check             churn check extract/tables --config config/bank.toml
check-zh          churn check extract/tables --config config/bank.toml --lang zh
check-json        churn check extract/tables --config config/bank.toml --json
train             churn train extract/tables --config config/bank.toml -o train/model --as-of 2024-07-01 --horizon 180
score             churn score extract/tables --config config/bank.toml --model train/model --as-of 2026-01-01
                    -o score/scores.parquet --explain
customer          churn explain extract/tables --config config/bank.toml --model train/model --as-of 2026-01-01
                    --customer C0000005 --lang zh
baselines         churn baselines extract/tables --config config/bank.toml --model train/model
plan              churn plan extract/tables --config config/bank.toml --scores score/scores.parquet -o plan/plan
page              churn report extract/tables --config config/bank.toml --model train/model
                    --scores score/scores.parquet -o page/page.html --lang zh
""")

BERKA = parse_steps("""
extract           python examples/berka/adapter.py data/berka extract/tables
check             churn check extract/tables --config config/bank.toml
check-zh          churn check extract/tables --config config/bank.toml --lang zh
check-json        churn check extract/tables --config config/bank.toml --json
features          churn features extract/tables --config config/bank.toml --as-of 1994-04-01
                    -o features/features.parquet
features-words    churn features --catalogue --config config/bank.toml
train             churn train extract/tables --config config/bank.toml -o train/model --as-of 1994-01-01 --horizon 90
""")

BANKCHURNERS = parse_steps("""
check             churn check data/BankChurners.csv --config config/flat.toml
check-json        churn check data/BankChurners.csv --config config/flat.toml --json
train             churn train data/BankChurners.csv --config config/flat.toml -o train/model
score             churn score data/BankChurners.csv --model train/model -o score/scores.parquet --explain
score-csv         churn score data/BankChurners.csv --model train/model -o score-csv/scores.csv
explain           churn explain data/BankChurners.csv --model train/model -o explain/explained
customer          churn explain data/BankChurners.csv --model train/model --customer 768805383
baselines         churn baselines data/BankChurners.csv --model train/model
anchoring         churn baselines data/BankChurners.csv --model train/model --anchor -o anchoring/model
page              churn report data/BankChurners.csv --model train/model --scores score/scores.parquet
                    --explained explain/explained -o page/page.html
page-zh           churn report data/BankChurners.csv --model train/model --scores score-csv/scores.csv
                    --explained explain/explained -o page-zh/page.html --lang zh
plan              churn plan data/BankChurners.csv --scores score/scores.parquet -o plan/plan
""")

TELCO = parse_steps("""
check             churn check data/IBM_Telco-Customer-Churn.csv --config config/flat.toml
train             churn train data/IBM_Telco-Customer-Churn.csv --config config/flat.toml -o train/model
                    --learner scorecard+lightgbm
score             churn score data/IBM_Telco-Customer-Churn.csv --model train/model -o score/scores.csv --explain
customer          churn explain data/IBM_Telco-Customer-Churn.csv --model train/model --customer 7590-VHVEG --lang zh
baselines         churn baselines data/IBM_Telco-Customer-Churn.csv --model train/model
compare           churn compare data/IBM_Telco-Customer-Churn.csv --config config/flat.toml --candidate scorecard
                    --candidate lightgbm --intervals
track             track data/IBM_Telco-Customer-Churn.csv config/flat.toml train/model track
page              churn report data/IBM_Telco-Customer-Churn.csv --model train/model --scores score/scores.csv
                    -o page/page.html
""")

SOURCES = (
    Source("simulate", SIMULATE),
    Source("bank", BANK, simulate="--customers 1500 --months 48 --seed 1"),
    Source("chinese", CHINESE, simulate="--customers 800 --months 36 --seed 2", example="chinese"),
    Source("berka", BERKA, copies=(("berka", 0),), example="berka"),
    Source("bankchurners", BANKCHURNERS, copies=(("bankchurners/BankChurners.csv", 4000),), example="bankchurners"),
    Source("telco", TELCO, copies=(("telco/IBM_Telco-Customer-Churn.csv", 4000),), example="telco"),
)
