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

    let least = indices.iter().fold(255, |least, &index| least.min(index));
    let greatest = indices.iter().fold(0, |most, &index| most.max(index));
    // SAFETY: arrays of bytes and vectors of their size are the same in memory.
    let indices: [__m256i; 2] = unsafe { std::mem::transmute(*indices) };
    let mut found = [_mm256_setzero_si256(); 2];
    let parts = table.as_chunks::<16>().0.iter().zip((0..=240).step_by(16));
    let first = usize::from(least / 16);
    for (part, start) in parts.skip(first).take(usize::from(greatest / 16) + 1 - first) {
        // SAFETY: as above.
        let part = _mm256_broadcastsi128_si256(unsafe { std::mem::transmute::<[u8; 16], __m128i>(*part) });
        let start = _mm256_set1_epi8(start as u8 as i8);
        for (found, &index) in found.iter_mut().zip(&indices) {
            // Within the part 0x70..=0x7f, of which the shuffle takes the last four bits; else from 0x80 on, which gives 0.
            let within = _mm256_adds_epu8(_mm256_sub_epi8(index, start), _mm256_set1_epi8(0x70));
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
