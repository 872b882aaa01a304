//! `--name value` pairs of the command line.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use crate::failure::Failure;

const NAMES: [&str; 14] = [
    "people",
    "samples",
    "pairs",
    "in-flight",
    "seconds",
    "warm-up-seconds",
    "bytes",
    "runs",
    "rate",
    "connections",
    "records",
    "settle-seconds",
    "relay",
    "directory",
];

/// The options that were given.
#[derive(Debug, Default)]
pub(crate) struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Takes `--name value` pairs with known names.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = BTreeMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(Failure::Usage(format!("{pair:?} lacks a value")));
            };
            let known = name
                .strip_prefix("--")
                .and_then(|name| NAMES.iter().find(|known| **known == name))
                .ok_or_else(|| Failure::Usage(format!("there is no option `{name}`")))?;
            options.insert(*known, value.clone());
        }
        Ok(Self(options))
    }

    /// A number of at most `max`, or `default` where the option is absent.
    pub(crate) fn number(&self, name: &'static str, default: u64, max: u64) -> Result<u64, Failure> {
        let number = self.find(name)?.unwrap_or(default);
        if (1..=max).contains(&number) {
            Ok(number)
        } else {
            Err(Failure::Usage(format!("--{name} is from 1 to {max}")))
        }
    }

    /// The option's value, where it is given.
    pub(crate) fn find<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Failure> {
        let parse =
            |text: &String| text.parse().map_err(|_| Failure::Usage(format!("--{name} can't be `{text}`")));
        self.0.get(name).map(parse).transpose()
    }

    /// Numbers with commas between them.
    pub(crate) fn numbers(&self, name: &'static str, default: &str, max: u64) -> Result<Vec<u64>, Failure> {
        let text = self.0.get(name).map_or(default, String::as_str);
        let wrong =
            || Failure::Usage(format!("--{name} is numbers from 1 to {max}, with commas between them"));
        let numbers: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
        match numbers {
            Ok(numbers) if numbers.iter().all(|number| (1..=max).contains(number)) => Ok(numbers),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }

    /// A path, where the option is given.
    pub(crate) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, crate::failure::Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_are_read_by_name() {
        let options = parse("--pairs 7 --in-flight 2,3").unwrap();

        assert_eq!(options.number("pairs", 50, 100).unwrap(), 7);
        assert_eq!(options.number("seconds", 5, 100).unwrap(), 5);
        assert_eq!(options.numbers("in-flight", "1", 64).unwrap(), [2, 3]);
    }

    #[test]
    fn unknown_options_and_values_out_of_range_are_refused() {
        assert!(parse("--pears 7").is_err());
        assert!(parse("pairs 7").is_err());
        assert!(parse("--pairs").is_err());
        assert!(parse("--pairs 101").unwrap().number("pairs", 50, 100).is_err());
        assert!(parse("--pairs x").unwrap().number("pairs", 50, 100).is_err());
        assert!(parse("--in-flight 1,0").unwrap().numbers("in-flight", "1", 64).is_err());
    }
}
