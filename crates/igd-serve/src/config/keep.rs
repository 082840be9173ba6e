use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// `[keep]`: of which parts pictures are kept, and for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keep {
    /// Megabytes that pictures may take. The oldest go first: good ones, then those near the threshold, then bad ones;
    /// marked ones stay.
    pub disk_mb: u64,
    /// Of bad parts.
    pub bad: bool,
    /// Of parts whose normalised score is so near to the threshold's 0.5: 0 to 0.5.
    #[serde(deserialize_with = "near")]
    pub near: f32,
    /// Of one good part in so many; 0: of none.
    pub good_every: u32,
    /// Megabytes that pictures to learn from may take, beside those. None of them goes for another.
    pub teach_mb: u64,
    /// Records go after so many days, 1 or more, and their pictures with them; marked ones stay.
    #[serde(deserialize_with = "days")]
    pub days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            disk_mb: 10_000,
            bad: true,
            near: 0.05,
            good_every: 100,
            teach_mb: 2000,
            days: 90,
        }
    }
}

fn near<'de, D: Deserializer<'de>>(number: D) -> Result<f32, D::Error> {
    let number = f32::deserialize(number)?;
    match (0.0..=0.5).contains(&number) {
        true => Ok(number),
        false => Err(D::Error::custom(format!(
            "{number} is not between 0 and 0.5"
        ))),
    }
}

fn days<'de, D: Deserializer<'de>>(number: D) -> Result<u32, D::Error> {
    match u32::deserialize(number)? {
        0 => Err(D::Error::custom("0 days would keep nothing: 1 or more")),
        days => Ok(days),
    }
}
