//! Whoever guesses tokens is slowed down.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Wrong tokens of an address in a minute.
const ALLOWED: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const ADDRESSES: usize = 4096;

/// An address has tried too many wrong tokens: for how long it has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub Duration);

/// Wrong tokens by address.
#[derive(Default)]
pub(super) struct Failures(HashMap<IpAddr, Minute>);

struct Minute {
    began: Instant,
    count: u32,
}

impl Failures {
    /// Counts one more, unless there were too many in this minute.
    pub fn count(&mut self, address: IpAddr, now: Instant) -> Result<(), TooMany> {
        let address = network(address);
        let ended = |minute: &Minute| now.duration_since(minute.began) >= MINUTE;
        if self.0.len() >= ADDRESSES && !self.0.contains_key(&address) {
            self.0.retain(|_, minute| !ended(minute));
            let oldest = self.0.iter().min_by_key(|(_, minute)| minute.began);
            if let Some(oldest) = oldest.map(|(address, _)| *address)
                && self.0.len() >= ADDRESSES
            {
                self.0.remove(&oldest);
            }
        }
        let minute = self.0.entry(address).or_insert(Minute {
            began: now,
            count: 0,
        });
        if ended(minute) {
            *minute = Minute {
                began: now,
                count: 0,
            };
        }
        if minute.count >= ALLOWED {
            return Err(TooMany(MINUTE - now.duration_since(minute.began)));
        }
        minute.count += 1;
        Ok(())
    }

    /// The last one was right.
    pub fn forgive(&mut self, address: IpAddr) {
        if let Some(minute) = self.0.get_mut(&network(address)) {
            minute.count = minute.count.saturating_sub(1);
        }
    }
}

/// Whoever has one address of IPv6 has the 2^64 beside it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn ten_wrong_tokens_a_minute_are_looked_at() {
        let mut failures = Failures::default();
        let now = Instant::now();
        for _ in 0..ALLOWED {
            failures.count(address(1), now).unwrap();
        }
        let later = now + Duration::from_secs(50);
        let wait = Duration::from_secs(10);
        assert_eq!(failures.count(address(1), later), Err(TooMany(wait)));
        failures.count(address(2), later).unwrap();
        failures.count(address(1), later + wait).unwrap();
    }

    #[test]
    fn a_right_token_is_no_wrong_one() {
        let mut failures = Failures::default();
        for _ in 0..100 {
            failures.count(address(1), Instant::now()).unwrap();
            failures.forgive(address(1));
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser() {
        let mut failures = Failures::default();
        let now = Instant::now();
        for last in 0..ALLOWED {
            let address: IpAddr = format!("2001:db8::{last:x}").parse().unwrap();
            failures.count(address, now).unwrap();
        }
        assert!(
            failures
                .count("2001:db8::ffff".parse().unwrap(), now)
                .is_err()
        );
        failures
            .count("2001:db8:0:1::1".parse().unwrap(), now)
            .unwrap();
    }

    #[test]
    fn many_addresses_take_no_more_memory() {
        let mut failures = Failures::default();
        let now = Instant::now();
        for number in 0..10_000 {
            failures
                .count(address(number), now + Duration::from_millis(number.into()))
                .unwrap();
        }
        assert_eq!(failures.0.len(), ADDRESSES);
        assert!(failures.0.contains_key(&address(9_999)));
    }
}
