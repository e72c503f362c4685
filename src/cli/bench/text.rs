//! What `ftperm bench` prints for people.

use ftperm::report::bench::{Comparison, Ratio};

use crate::cli::console;

/// One comparison in lines, several in a table.
pub fn print(comparisons: &[Comparison]) -> anyhow::Result<()> {
    match comparisons {
        [one] => lines(one)?,
        several => table(several)?,
    }
    let whys = |of: fn(&Comparison) -> &Option<String>| {
        let mut whys: Vec<&String> = comparisons
            .iter()
            .filter_map(|one| of(one).as_ref())
            .collect();
        whys.dedup();
        whys
    };
    for why in whys(|one| &one.no_cpu) {
        console::say(format!("no CPU time: {why}"));
    }
    for why in whys(|one| &one.no_counters) {
        console::say(format!("no instructions and cycles: {why}"));
    }
    Ok(())
}

fn lines(one: &Comparison) -> anyhow::Result<()> {
    console::result(format!("nodes         {} (equal)", one.nodes))?;
    let measures = [
        ("time", "speed ratio", Some(&one.clock)),
        ("CPU time", "CPU ratio", one.cpu.as_ref()),
    ];
    for (what, name, ratio) in measures {
        let Some(ratio) = ratio else { continue };
        console::result(format!(
            "median {what:9}{:.4} s base, {:.4} s test; {:.0} and {:.0} nodes a second",
            ratio.base_median_seconds,
            ratio.test_median_seconds,
            ratio.base_nodes_per_second,
            ratio.test_nodes_per_second
        ))?;
        console::result(format!(
            "{name:14}{:.5}, 95 % interval {:.5} to {:.5}, {} pairs",
            ratio.ratio, ratio.ratio_low, ratio.ratio_high, one.runs
        ))?;
    }
    let of = |count: fn(&Ratio) -> Option<u32>| {
        let clock = pairs(count(&one.clock));
        match &one.cpu {
            Some(cpu) => format!(
                "{clock} pairs of runs by time, {} by CPU time",
                pairs(count(cpu))
            ),
            None => format!("{clock} pairs of runs"),
        }
    };
    let needed = of(|ratio| ratio.runs_needed);
    console::result(format!(
        "{:14}{needed}",
        format!("for ±{} %", one.precision_percent)
    ))?;
    let tell = of(|ratio| ratio.runs_to_tell);
    console::result(format!(
        "{:14}{tell}",
        format!("to tell {} %", one.difference_percent)
    ))?;
    for (name, counts) in [("instructions", &one.instructions), ("cycles", &one.cycles)] {
        if let Some(counts) = counts {
            console::result(format!(
                "{name:13} {:.0} base, {:.0} test, ratio {:.5}",
                counts.base, counts.test, counts.ratio
            ))?;
        }
    }
    Ok(())
}

fn table(several: &[Comparison]) -> anyhow::Result<()> {
    let difference = several[0].difference_percent;
    let tell = format!("pairs to tell {difference} %");
    let head = [
        "engine",
        "network",
        "nodes/s",
        "CPU ratio",
        "95 % interval",
        "speed ratio",
        "95 % interval",
        &tell,
    ];
    let mut rows = vec![head.map(str::to_string)];
    for one in several {
        let clock = &one.clock;
        let (cpu, cpu_interval) = match &one.cpu {
            Some(cpu) => (format!("{:.5}", cpu.ratio), interval(cpu)),
            None => ("-".to_string(), "-".to_string()),
        };
        let steadiest = one.steadiest();
        rows.push([
            one.engine.clone(),
            one.test.clone(),
            format!("{:.0}", steadiest.test_nodes_per_second),
            cpu,
            cpu_interval,
            format!("{:.5}", clock.ratio),
            interval(clock),
            pairs(steadiest.runs_to_tell),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        console::result(cells.join("  ").trim_end())?;
    }
    console::say(format!(
        "ratios compare with {}: above 1 is faster; {} runs with each network",
        several[0].base, several[0].runs
    ));
    Ok(())
}

fn interval(ratio: &Ratio) -> String {
    format!("{:.5} to {:.5}", ratio.ratio_low, ratio.ratio_high)
}

/// A number of pairs of runs that would tell something.
pub fn pairs(count: Option<u32>) -> String {
    count.map_or("more than 1000000000".to_string(), |count| {
        count.to_string()
    })
}
