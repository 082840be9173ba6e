//! Times as the clock on the wall shows them, and shifts.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use maud::{Markup, html};

/// When the shift began: they change at 6, 14 and 22 o'clock.
pub fn shift(now: &ZonedDateTime) -> ZonedDateTime {
    let today = now.date();
    let (day, hour) = match now.hour() {
        22.. => (today, 22),
        14.. => (today, 14),
        6.. => (today, 6),
        _ => (today.yesterday().unwrap_or(today), 22),
    };
    let start = day
        .at(hour, 0, 0, 0)
        .to_zoned_datetime(now.time_zone().clone());
    start.unwrap_or_else(|_| now.clone())
}

/// Date and time.
pub fn stamp(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (text(time)) } }
}

/// The same as text.
pub fn text(time: Timestamp) -> String {
    zoned(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Hours and minutes.
pub fn clock(time: Timestamp) -> String {
    zoned(time).strftime("%H:%M").to_string()
}

fn zoned(time: Timestamp) -> ZonedDateTime {
    time.to_zoned_datetime(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_begins_at_six_two_or_ten() {
        let began = |time: &str| {
            let now: ZonedDateTime = format!("2026-11-29T{time}[Europe/Berlin]").parse().unwrap();
            shift(&now).strftime("%d %H:%M").to_string()
        };
        assert_eq!(began("05:59"), "28 22:00");
        assert_eq!(began("06:00"), "29 06:00");
        assert_eq!(began("13:59"), "29 06:00");
        assert_eq!(began("21:59"), "29 14:00");
        assert_eq!(began("23:30"), "29 22:00");
    }
}
