//! A table of 256 bytes, looked up for many bytes at a time.

/// Bytes that are worked on at a time.
pub const BLOCK: usize = 64;

/// The table's entry for each of `indices`, one after the other.
#[inline(always)]
pub fn plain(table: &[u8; 256], indices: &[u8; BLOCK]) -> [u8; BLOCK] {
    indices.map(|index| table[usize::from(index)])
}

/// As [`plain`], sixteen entries of the table at a time: only those between the least and the greatest index, which are
/// close to each other where a picture is smooth.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub fn avx2(table: &[u8; 256], indices: &[u8; BLOCK]) -> [u8; BLOCK] {
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn least([left, right]: [__m256i; 2]) -> usize {
        let bytes = _mm256_min_epu8(left, right);
        let [left, right] = [
            _mm256_castsi256_si128(bytes),
            _mm256_extracti128_si256::<1>(bytes),
        ];
        let bytes = _mm_min_epu8(left, right);
        let pairs = _mm_min_epu8(bytes, _mm_srli_epi16::<8>(bytes));
        _mm_extract_epi8::<0>(_mm_minpos_epu16(pairs)) as usize
    }

    // SAFETY: arrays of bytes and vectors of their size are the same in memory.
    let (indices, parts) = unsafe {
        (
            std::mem::transmute::<[u8; BLOCK], [__m256i; 2]>(*indices),
            std::mem::transmute::<[u8; 256], [__m128i; 16]>(*table),
        )
    };
    let ones = _mm256_set1_epi8(-1);
    let first = least(indices) / 16;
    let last = (255 - least(indices.map(|bytes| _mm256_xor_si256(bytes, ones)))) / 16;
    let mut found = [_mm256_setzero_si256(); 2];
    for (number, part) in parts.into_iter().enumerate().take(last + 1).skip(first) {
        let part = _mm256_broadcastsi128_si256(part);
        let start = _mm256_set1_epi8((16 * number) as i8);
        for (found, &bytes) in found.iter_mut().zip(&indices) {
            // Within the part 0x70..=0x7f, of which the shuffle takes the last four bits; else from 0x80 on, which
            // gives 0.
            let within = _mm256_adds_epu8(_mm256_sub_epi8(bytes, start), _mm256_set1_epi8(0x70));
            *found = _mm256_or_si256(*found, _mm256_shuffle_epi8(part, within));
        }
    }
    // SAFETY: as above.
    unsafe { std::mem::transmute(found) }
}

/// As [`plain`], with the whole table in registers.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub fn avx512(table: &[u8; 256], indices: &[u8; BLOCK]) -> [u8; BLOCK] {
    use std::arch::x86_64::*;

    // SAFETY: arrays of bytes and vectors of their size are the same in memory.
    let ([a, b, c, d], indices) = unsafe {
        (
            std::mem::transmute::<[u8; 256], [__m512i; 4]>(*table),
            std::mem::transmute::<[u8; BLOCK], __m512i>(*indices),
        )
    };
    // The last seven bits choose within a half of the table, the first one chooses the half.
    let lower = _mm512_permutex2var_epi8(a, indices, b);
    let upper = _mm512_permutex2var_epi8(c, indices, d);
    let found = _mm512_mask_blend_epi8(_mm512_movepi8_mask(indices), lower, upper);
    // SAFETY: as above.
    unsafe { std::mem::transmute(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn all_agree() {
        let table = std::array::from_fn(|index| (index * 167 + index / 7) as u8);
        for start in 0..=255u8 {
            for step in [0, 1, 3, 89] {
                let indices =
                    std::array::from_fn(|i| start.wrapping_add((i as u8).wrapping_mul(step)));
                let expected = plain(&table, &indices);
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor can do it.
                    assert_eq!(unsafe { avx2(&table, &indices) }, expected);
                }
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi") {
                    // SAFETY: as above.
                    assert_eq!(unsafe { avx512(&table, &indices) }, expected);
                }
            }
        }
    }
}
