//! Tensors as a pickle describes them: a view of a storage, with strides.

use super::Problem;

/// As in PyTorch, which has no tensor with more.
const DIMENSIONS_LIMIT: usize = 64;

/// Elements of a storage, in the order that `shape` and `strides` give; all of them lie within the storage.
pub(super) struct View {
    /// Which of the pickle's storages.
    pub storage: usize,
    pub shape: Vec<i64>,
    start: u64,
    strides: Vec<u64>,
}

impl View {
    /// `numel` is the length of the storage, in elements.
    pub fn new(
        storage: usize,
        numel: u64,
        start: u64,
        shape: &[i128],
        strides: &[i128],
    ) -> Result<View, Problem> {
        if shape.len() > DIMENSIONS_LIMIT || shape.len() != strides.len() {
            return Err(Problem::malformed(
                "a tensor has a wrong number of dimensions",
            ));
        }
        let sizes: Option<Vec<i64>> = shape
            .iter()
            .map(|&size| i64::try_from(size).ok().filter(|&s| s >= 0))
            .collect();
        let steps: Option<Vec<u64>> = strides
            .iter()
            .map(|&stride| u64::try_from(stride).ok())
            .collect();
        let (Some(shape), Some(strides)) = (sizes, steps) else {
            return Err(Problem::malformed(
                "a tensor has a negative or huge size or stride",
            ));
        };
        let view = View {
            storage,
            shape,
            start,
            strides,
        };
        if view.end().is_none_or(|end| end > numel) {
            return Err(Problem::malformed(format!(
                "a tensor of shape {:?} reaches beyond its storage of {numel} elements",
                view.shape
            )));
        }
        Ok(view)
    }

    /// One past the furthest element of the storage that the view touches; `None` if that overflows.
    fn end(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let last = self
            .dimensions()
            .try_fold(self.start, |furthest, (size, stride)| {
                furthest.checked_add(size.checked_sub(1)?.checked_mul(stride)?)
            });
        last?.checked_add(1)
    }

    /// The number of elements, which a stride of zero may make far greater than the storage: saturating.
    pub fn elements(&self) -> u64 {
        if self.shape.contains(&0) {
            return 0;
        }
        self.dimensions()
            .fold(1, |product: u64, (size, _)| product.saturating_mul(size))
    }

    /// Size and stride of each dimension, the outermost first.
    fn dimensions(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + ExactSizeIterator {
        // The sizes were found not to be negative.
        self.shape
            .iter()
            .map(|&size| size.unsigned_abs())
            .zip(self.strides.iter().copied())
    }

    /// Whether the elements already lie one after the other. The stride of a dimension of size one says nothing.
    fn is_contiguous(&self) -> bool {
        let mut expected = 1u64;
        self.dimensions().rev().all(|(size, stride)| {
            let fits = size == 1 || stride == expected;
            expected = expected.saturating_mul(size);
            fits
        })
    }

    /// Copies the elements, each `size` bytes long, out of the storage. The caller has checked that
    /// [`elements`](Self::elements) times `size` is an acceptable length.
    pub fn gather(&self, storage: &[u8], size: usize) -> Result<Vec<u8>, Problem> {
        let elements = self.elements();
        if elements == 0 {
            return Ok(Vec::new());
        }
        let slice = |from: u64, count: u64| {
            let from = usize::try_from(from).ok()?.checked_mul(size)?;
            let length = usize::try_from(count).ok()?.checked_mul(size)?;
            storage.get(from..from.checked_add(length)?)
        };
        let outside = || Problem::malformed("a tensor reaches beyond its storage");
        if self.is_contiguous() {
            return Ok(slice(self.start, elements).ok_or_else(outside)?.to_vec());
        }

        let mut data = Vec::new();
        let mut index = vec![0u64; self.shape.len()];
        let mut at = self.start;
        for _ in 0..elements {
            data.extend_from_slice(slice(at, 1).ok_or_else(outside)?);
            // The next index, like an odometer. Where a digit returns to zero, so does its part of the position.
            for (digit, (size, stride)) in index.iter_mut().zip(self.dimensions()).rev() {
                *digit += 1;
                at = at.wrapping_add(stride);
                if *digit < size {
                    break;
                }
                at = at.wrapping_sub(stride.wrapping_mul(size));
                *digit = 0;
            }
        }
        Ok(data)
    }
}
