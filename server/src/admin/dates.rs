//! Days and times as people write them, in UTC.

use protocol::UnixMillis;

const DAY_MS: u64 = 86_400_000;
/// Days of 400 years, after which the calendar begins anew.
const ERA_DAYS: u64 = 146_097;
/// Days from the first of March of the year 0 to 1970.
const TO_1970: u64 = 719_468;

/// `2026-11-25 08:05:09`.
pub(super) fn utc(at: UnixMillis) -> String {
    let (year, month, day) = civil(at.0 / DAY_MS);
    let seconds = at.0 % DAY_MS / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Midnight of `2026-11-25`; not before 1970, and no day that the calendar doesn't have.
pub(super) fn parse_day(text: &str) -> Option<UnixMillis> {
    let mut parts = text.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if parts.next().is_some() || !in_range {
        return None;
    }
    let days = days(year, month, day);
    (civil(days) == (year, month, day)).then_some(UnixMillis(days * DAY_MS))
}

/// Days since 1970, counted in years that begin in March: then the leap day is the last one.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - TO_1970
}

/// The way back.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + TO_1970;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::{civil, days, parse_day, utc};
    use protocol::UnixMillis;

    #[test]
    fn a_moment_is_written_as_people_do() {
        assert_eq!(utc(UnixMillis(0)), "1970-01-01 00:00:00");
        assert_eq!(utc(UnixMillis(951_782_400_000)), "2000-02-29 00:00:00");
        assert_eq!(utc(UnixMillis(1_795_593_909_999)), "2026-11-25 08:05:09");
    }

    #[test]
    fn a_day_is_its_midnight_and_what_is_none_is_refused() {
        assert_eq!(parse_day("2000-02-29"), Some(UnixMillis(951_782_400_000)));
        for none in
            ["2001-02-29", "2026-13-01", "2026-00-10", "2026-11", "2026-11-25-1", "1969-12-31", "", "x"]
        {
            assert_eq!(parse_day(none), None, "{none}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
