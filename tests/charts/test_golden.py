"""The chart that is generated from the law chart, as files to read: tests/charts/golden/law-chart."""

from __future__ import annotations

from pathlib import Path

from medpattern.charts.generator import Generator
from medpattern.charts.source import fill_declared, read_chart
from tests.golden import compare

HERE = Path(__file__).parent


def test_the_generated_chart_is_the_golden_one() -> None:
    source = read_chart(HERE / "fixtures" / "law-chart", "charts/law-chart")
    chart = Generator(source).generate(fill_declared(source.values.data, source.schema))
    compare(HERE / "golden" / "law-chart", {name: file.content for name, file in chart.files.items()})
