//! The property `region`.

use crate::video::Area;

/// A text that names no part of a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("region={0} is not x,y,width,height in pixels, with a width and a height above 0")]
pub struct OddRegion(String);

/// The part that `x,y,width,height` names; `None` for an empty text, which stands for the whole frame.
pub fn parse_region(text: &str) -> Result<Option<Area>, OddRegion> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let numbers: Result<Vec<u32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, w, h]) if w > 0 && h > 0 => Ok(Some(Area { x, y, w, h })),
        _ => Err(OddRegion(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_are_a_region() {
        let area = Area {
            x: 10,
            y: 0,
            w: 320,
            h: 240,
        };
        assert_eq!(parse_region("10,0,320,240"), Ok(Some(area)));
        assert_eq!(parse_region(" 10, 0, 320, 240 "), Ok(Some(area)));
        assert_eq!(parse_region(""), Ok(None));
    }

    #[test]
    fn anything_else_is_refused_with_the_text() {
        for text in [
            "10,0,320",
            "10,0,320,240,1",
            "10,0,0,240",
            "a,b,c,d",
            "-1,0,5,5",
        ] {
            let error = parse_region(text).unwrap_err().to_string();
            assert!(error.contains(&format!("region={text} ")), "{error}");
        }
    }
}
