//! Puts each figure beside the floor it was measured with.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// What was measured several times, each time with its floor.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub floor: String,
    /// The figure and its floor, round by round.
    pub rounds: Vec<(f64, f64)>,
    /// What the ratio should be.
    pub target: Target,
}

/// The side of a bound on which a ratio should lie.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// All figures of one run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub figures: Vec<Figure>,
}

impl Figure {
    pub fn median(&self) -> f64 {
        median(self.rounds.iter().map(|(figure, _)| *figure))
    }

    pub fn floor_median(&self) -> f64 {
        median(self.rounds.iter().map(|(_, floor)| *floor))
    }

    /// The median of the rounds' ratios: what disturbs the machine disturbs both sides of a round.
    pub fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|(figure, floor)| figure / floor))
    }

    pub fn is_reached(&self) -> bool {
        match self.target {
            Target::AtLeast(bound) => bound <= self.ratio(),
            Target::AtMost(bound) => self.ratio() <= bound,
        }
    }
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["figure", "median", "floor", "median", "ratio", "target", ""]);
        for column in [1, 3, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for figure in &self.figures {
            let number =
                |value: f64| format!("{value:.*} {}", usize::from(value < 1000.0), figure.unit);
            let target = match figure.target {
                Target::AtLeast(bound) => format!(">= {bound:.2}"),
                Target::AtMost(bound) => format!("<= {bound:.2}"),
            };
            table.add_row([
                figure.name.clone(),
                number(figure.median()),
                figure.floor.clone(),
                number(figure.floor_median()),
                format!("{:.2}", figure.ratio()),
                target,
                if figure.is_reached() { "reached" } else { "short" }.to_owned(),
            ]);
        }
        table.to_string()
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_not_of_the_sides() {
        let rounds = vec![(50.0, 100.0), (5.0, 10.0), (80.0, 100.0)];
        let (name, floor) = (String::new(), String::new());
        let figure = Figure { name, unit: "/s", floor, rounds, target: Target::AtLeast(0.6) };
        assert_eq!(figure.ratio(), 0.5);
        assert!(!figure.is_reached());
        assert_eq!(median([1.0, 2.0, 4.0, 9.0].into_iter()), 3.0);
    }
}
