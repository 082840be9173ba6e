//! Which parts are shown, as the page's address says it.

use std::fmt::{self, Display, Formatter};

use jiff::{Timestamp, ToSpan, ZonedDateTime};
use serde::Deserialize;

use crate::page::texts::Texts;
use crate::page::time::shift;
use crate::record::Verdict;
use crate::store::Query;

/// An empty name is every camera or recipe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Filter {
    pub tab: Tab,
    pub camera: String,
    pub recipe: String,
    pub since: Since,
    /// The last part of the page before, by its `seq`.
    pub before: Option<i64>,
}

/// Of which kind they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    #[default]
    Bad,
    Near,
    Good,
    Marked,
}

/// How far back they go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Since {
    #[default]
    All,
    Hour,
    Shift,
    Day,
    Week,
}

impl Filter {
    /// For the store.
    pub fn query(&self, now: &ZonedDateTime, limit: u32) -> Query {
        let named = |name: &String| (!name.is_empty()).then(|| name.clone());
        let query = Query {
            camera: named(&self.camera),
            recipe: named(&self.recipe),
            from: self.since.start(now),
            before: self.before,
            limit: Some(limit),
            ..Query::default()
        };
        match self.tab {
            Tab::Bad => Query {
                verdict: Some(Verdict::Bad),
                ..query
            },
            Tab::Near => Query {
                nearest: true,
                pictures: Some(true),
                before: None,
                ..query
            },
            Tab::Good => Query {
                verdict: Some(Verdict::Good),
                pictures: Some(true),
                ..query
            },
            Tab::Marked => Query {
                marked: Some(true),
                ..query
            },
        }
    }
}

/// As an address's query. Names are letters that need no escape there.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "tab={}", self.tab.name())?;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        for (name, value) in [("camera", &self.camera), ("recipe", &self.recipe)] {
            if !value.is_empty() && value.chars().all(is_plain) {
                write!(f, "&{name}={value}")?;
            }
        }
        if self.since != Since::All {
            write!(f, "&since={}", self.since.name())?;
        }
        match self.before {
            Some(before) => write!(f, "&before={before}"),
            None => Ok(()),
        }
    }
}

impl Tab {
    pub const ALL: [Self; 4] = [Self::Bad, Self::Near, Self::Good, Self::Marked];

    /// As it stands in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Near => "near",
            Self::Good => "good",
            Self::Marked => "marked",
        }
    }

    pub const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::Bad => t.bad_ones,
            Self::Near => t.near_ones,
            Self::Good => t.good_ones,
            Self::Marked => t.marked_ones,
        }
    }
}

impl Since {
    pub const ALL: [Self; 5] = [Self::All, Self::Hour, Self::Shift, Self::Day, Self::Week];

    /// As it stands in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Hour => "hour",
            Self::Shift => "shift",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    pub const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::All => t.all,
            Self::Hour => t.since_hour,
            Self::Shift => t.since_shift,
            Self::Day => t.since_day,
            Self::Week => t.since_week,
        }
    }

    fn start(self, now: &ZonedDateTime) -> Option<Timestamp> {
        let hours = match self {
            Self::All => return None,
            Self::Shift => return Some(shift(now).timestamp()),
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
        };
        now.timestamp().checked_sub(hours.hours()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_the_same_filter() {
        let filter = Filter {
            tab: Tab::Good,
            camera: "left-1".into(),
            recipe: String::new(),
            since: Since::Day,
            before: Some(7),
        };
        let address = filter.to_string();
        assert_eq!(address, "tab=good&camera=left-1&since=day&before=7");
        let uri = format!("/review?{address}").parse().unwrap();
        let read = axum::extract::Query::<Filter>::try_from_uri(&uri).unwrap();
        assert_eq!(read.0, filter);
    }

    #[test]
    fn no_name_escapes_from_the_address() {
        let filter = Filter {
            camera: "a&tab=good".into(),
            ..Filter::default()
        };
        assert_eq!(filter.to_string(), "tab=bad");
    }
}
