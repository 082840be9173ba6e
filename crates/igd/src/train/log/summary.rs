//! Protocol buffers, as far as TensorBoard's `summary.proto` needs them.

/// Bars of a histogram.
const BARS: usize = 30;

/// A message under construction: fields by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message(Vec<u8>);

/// How a field is written.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn number(self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT).varint(value)
    }

    pub fn double(self, field: u64, value: f64) -> Self {
        let mut message = self.varint(field << 3 | FIXED64);
        message.0.extend(value.to_le_bytes());
        message
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.field(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: &Self) -> Self {
        self.field(field, &message.0)
    }

    fn float(self, field: u64, value: f32) -> Self {
        let mut message = self.varint(field << 3 | FIXED32);
        message.0.extend(value.to_le_bytes());
        message
    }

    fn doubles(self, field: u64, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.field(field, &bytes)
    }

    fn field(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | BYTES).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }
}

/// What is shown of a step: values with names.
#[derive(Debug, Default)]
pub struct Summary(Message);

impl Summary {
    pub fn message(&self) -> &Message {
        &self.0
    }
}

impl Extend<Message> for Summary {
    fn extend<I: IntoIterator<Item = Message>>(&mut self, values: I) {
        for value in values {
            self.0 = std::mem::take(&mut self.0).message(1, &value);
        }
    }
}

impl FromIterator<Message> for Summary {
    fn from_iter<I: IntoIterator<Item = Message>>(values: I) -> Self {
        let mut summary = Self::default();
        summary.extend(values);
        summary
    }
}

fn value(name: &str) -> Message {
    Message::default().text(1, name)
}

/// A number, for a curve over the steps.
pub fn scalar(name: &str, number: f64) -> Message {
    value(name).float(2, number as f32)
}

/// A picture of that width and height.
pub fn picture(name: &str, (width, height): (u32, u32), png: &[u8]) -> Message {
    const RGB: u64 = 3;
    let image = Message::default()
        .number(1, height.into())
        .number(2, width.into())
        .number(3, RGB)
        .field(4, png);
    value(name).message(4, &image)
}

/// How often values fall between equal limits.
pub fn histogram(name: &str, values: &[f64]) -> Message {
    let bars = Bars::new(values);
    let sum = |of: fn(f64) -> f64| values.iter().map(|&value| of(value)).sum();
    let counts: Vec<f64> = bars.counts.iter().map(|&count| count as f64).collect();
    let limits: Vec<f64> = (1..=counts.len()).map(|bar| bars.limit(bar)).collect();
    let histogram = Message::default()
        .double(1, bars.lowest)
        .double(2, bars.limit(counts.len()))
        .double(3, values.len() as f64)
        .double(4, sum(|value| value))
        .double(5, sum(|value| value * value))
        .doubles(6, &limits)
        .doubles(7, &counts);
    value(name).message(5, &histogram)
}

/// A histogram's bars, all as wide.
#[derive(Debug, PartialEq)]
pub struct Bars {
    lowest: f64,
    width: f64,
    pub counts: Vec<usize>,
}

impl Bars {
    /// Of finite values.
    pub fn new(values: &[f64]) -> Self {
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Equal values have a bar too.
        let width = ((highest - lowest) / BARS as f64).max(1e-6);
        let mut counts = vec![0; BARS];
        for value in values {
            counts[(((value - lowest) / width) as usize).min(BARS - 1)] += 1;
        }
        Self {
            lowest,
            width,
            counts,
        }
    }

    /// Where a bar begins, or the one before it ends.
    pub fn limit(&self, bar: usize) -> f64 {
        self.lowest + bar as f64 * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_in_the_language_guide() {
        // https://protobuf.dev/programming-guides/encoding: the examples there.
        assert_eq!(
            Message::default().number(1, 150).bytes(),
            [0x08, 0x96, 0x01]
        );
        let text = Message::default().text(2, "testing");
        assert_eq!(text.bytes(), b"\x12\x07testing");
        let inner = Message::default().number(1, 150);
        let outer = Message::default().message(3, &inner);
        assert_eq!(outer.bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let float = scalar("a", 1.0);
        assert_eq!(float.bytes(), b"\x0a\x01a\x15\x00\x00\x80\x3f");
    }

    #[test]
    fn every_value_is_in_a_bar() {
        let bars = Bars::new(&[1.0, 1.0, 2.5, 4.0]);
        assert_eq!(
            (bars.counts[0], bars.counts[15], bars.counts[29]),
            (2, 1, 1)
        );
        assert_eq!(bars.counts.iter().sum::<usize>(), 4);
        assert!((bars.limit(30) - 4.0).abs() < 1e-9);
        assert_eq!(Bars::new(&[0.5; 3]).counts[0], 3);
    }
}
