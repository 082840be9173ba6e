//! The regions of a mask.

/// For each pixel the area in pixels of the region that it belongs to, 0 where it belongs to none; and the number of
/// regions. Neighbours touch at sides or corners. `mask` is row by row, `width` pixels each.
pub fn region_areas(mask: &[bool], width: usize) -> (Vec<u32>, usize) {
    let mut areas = vec![0; mask.len()];
    let mut regions = 0;
    let height = mask.len() / width.max(1);
    let mut region = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || areas[start] != 0 {
            continue;
        }
        region.clear();
        region.push(start);
        areas[start] = 1;
        let mut visited = 0;
        while let Some(&index) = region.get(visited) {
            visited += 1;
            let (x, y) = (index % width, index / width);
            for near_y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for near_x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let near = near_y * width + near_x;
                    if mask[near] && areas[near] == 0 {
                        areas[near] = 1;
                        region.push(near);
                    }
                }
            }
        }
        for &index in &region {
            areas[index] = region.len() as u32;
        }
        regions += 1;
    }
    (areas, regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_touch() {
        let rows = ["1100010", "0010011", "0000000", "1000000"];
        let mask: Vec<bool> = rows.concat().bytes().map(|byte| byte == b'1').collect();
        let (areas, regions) = region_areas(&mask, 7);
        let text: String = areas.iter().map(u32::to_string).collect();
        assert_eq!(regions, 3);
        assert_eq!(text, ["3300030", "0030033", "0000000", "1000000"].concat());
        assert_eq!(region_areas(&[], 0), (vec![], 0));
    }
}
