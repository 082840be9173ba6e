//! Connected components of the map: where on the frame the anomalies are.

use super::detection::{Map, Region};

/// Normalised map value from which a pixel belongs to a region.
pub const ANOMALOUS: f32 = 0.5;

/// Finds regions; keeps its buffers from call to call.
#[derive(Debug, Default)]
pub struct RegionFinder {
    seen: Vec<bool>,
    open: Vec<usize>,
}

impl RegionFinder {
    /// Fills `regions` with the map's components (neighbours touch at sides or corners), in pixels of a frame of the
    /// given width and height: those that cover at least `min_area` pixels, the largest first, at most `max_regions`.
    pub fn find(
        &mut self,
        map: &Map,
        frame: (u32, u32),
        min_area: u32,
        max_regions: usize,
        regions: &mut Vec<Region>,
    ) {
        regions.clear();
        self.seen.clear();
        self.seen.resize(map.values.len(), false);
        let scale_x = f64::from(frame.0) / map.width as f64;
        let scale_y = f64::from(frame.1) / map.height as f64;
        for start in 0..map.values.len() {
            if self.seen[start] || map.values[start] < ANOMALOUS {
                continue;
            }
            let component = self.flood(map, start);
            let area = (component.pixels as f64 * scale_x * scale_y).round() as u32;
            if area < min_area {
                continue;
            }
            let x = (component.left as f64 * scale_x).floor() as u32;
            let y = (component.top as f64 * scale_y).floor() as u32;
            let right = ((component.right + 1) as f64 * scale_x).ceil() as u32;
            let bottom = ((component.bottom + 1) as f64 * scale_y).ceil() as u32;
            regions.push(Region {
                x,
                y,
                w: right.min(frame.0) - x,
                h: bottom.min(frame.1) - y,
                area,
                score: component.highest,
            });
        }
        regions.sort_by(|a, b| b.area.cmp(&a.area).then(b.score.total_cmp(&a.score)));
        regions.truncate(max_regions);
    }

    fn flood(&mut self, map: &Map, start: usize) -> Component {
        let mut component = Component {
            left: map.width,
            ..Component::default()
        };
        component.top = map.height;
        self.seen[start] = true;
        self.open.push(start);
        while let Some(index) = self.open.pop() {
            let (x, y) = (index % map.width, index / map.width);
            component.add(x, y, map.values[index]);
            for near_y in y.saturating_sub(1)..=(y + 1).min(map.height - 1) {
                for near_x in x.saturating_sub(1)..=(x + 1).min(map.width - 1) {
                    let near = near_y * map.width + near_x;
                    if !self.seen[near] && map.values[near] >= ANOMALOUS {
                        self.seen[near] = true;
                        self.open.push(near);
                    }
                }
            }
        }
        component
    }
}

/// A component in pixels of the map; the sides are inclusive.
#[derive(Default)]
struct Component {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    pixels: usize,
    highest: f32,
}

impl Component {
    fn add(&mut self, x: usize, y: usize, value: f32) {
        self.left = self.left.min(x);
        self.right = self.right.max(x);
        self.top = self.top.min(y);
        self.bottom = self.bottom.max(y);
        self.pixels += 1;
        self.highest = self.highest.max(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: [&str; 4]) -> Map {
        Map {
            width: rows[0].len(),
            height: rows.len(),
            values: rows
                .iter()
                .flat_map(|row| row.bytes())
                .map(|byte| f32::from(byte - b'0') / 10.0)
                .collect(),
        }
    }

    #[test]
    fn components_in_frame_pixels() {
        let map = map(["00000500", "00000060", "99000000", "97000000"]);
        let mut regions = Vec::new();
        RegionFinder::default().find(&map, (80, 20), 1, 16, &mut regions);
        let expected = [
            Region {
                x: 0,
                y: 10,
                w: 20,
                h: 10,
                area: 200,
                score: 0.9,
            },
            Region {
                x: 50,
                y: 0,
                w: 20,
                h: 10,
                area: 100,
                score: 0.6,
            },
        ];
        assert_eq!(regions, expected);
        RegionFinder::default().find(&map, (80, 20), 101, 16, &mut regions);
        assert_eq!(regions, expected[..1]);
        RegionFinder::default().find(&map, (80, 20), 1, 1, &mut regions);
        assert_eq!(regions, expected[..1]);
    }

    #[test]
    fn regions_stay_in_frames_smaller_than_the_map() {
        let map = map(["00000009", "00000000", "00000000", "90000009"]);
        let mut regions = Vec::new();
        RegionFinder::default().find(&map, (3, 3), 0, 16, &mut regions);
        assert_eq!(regions.len(), 3);
        for region in regions {
            assert!(region.x + region.w <= 3 && region.y + region.h <= 3);
            assert!(region.w > 0 && region.h > 0);
        }
    }
}
