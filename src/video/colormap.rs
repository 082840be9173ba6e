//! How a value becomes a colour.

/// The colours of the heatmap, from 0 (normal) to 1 (anomalous).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, glib::Enum)]
#[enum_type(name = "IgdColormap")]
pub enum Colormap {
    #[default]
    #[enum_value(
        name = "Turbo: blue, green, yellow, red; even steps, much detail",
        nick = "turbo"
    )]
    Turbo,
    #[enum_value(
        name = "Jet: blue, cyan, yellow, red; what older tools show",
        nick = "jet"
    )]
    Jet,
    #[enum_value(
        name = "Inferno: black, violet, orange, pale yellow; even in brightness",
        nick = "inferno"
    )]
    Inferno,
    #[enum_value(
        name = "Viridis: violet, green, yellow; for every kind of colour vision",
        nick = "viridis"
    )]
    Viridis,
    #[enum_value(name = "Gray: black to white", nick = "gray")]
    Gray,
}

impl Colormap {
    /// Red, green and blue of 256 values, evenly from 0 to 1.
    pub fn table(self) -> [[u8; 3]; 256] {
        std::array::from_fn(|level| match self {
            Self::Turbo => gradient(&colorous::TURBO, level),
            Self::Jet => jet(level as f32 / 255.0),
            Self::Inferno => gradient(&colorous::INFERNO, level),
            Self::Viridis => gradient(&colorous::VIRIDIS, level),
            Self::Gray => [level as u8; 3],
        })
    }
}

fn gradient(gradient: &colorous::Gradient, level: usize) -> [u8; 3] {
    gradient.eval_rational(level, 256).as_array()
}

/// Three tents, a quarter apart.
fn jet(value: f32) -> [u8; 3] {
    [3.0, 2.0, 1.0].map(|top| {
        let tent = 1.5 - (4.0 * value - top).abs();
        (tent.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glib::prelude::*;

    #[test]
    fn ends_and_middles() {
        assert_eq!(Colormap::Gray.table()[77], [77; 3]);
        assert_eq!(Colormap::Jet.table()[0], [0, 0, 128]);
        assert_eq!(Colormap::Jet.table()[255], [128, 0, 0]);
        // Published ends of the tables, within what a polynomial leaves.
        let ends = [
            (Colormap::Turbo, [48, 18, 59], [122, 4, 3]),
            (Colormap::Inferno, [0, 0, 4], [252, 255, 164]),
            (Colormap::Viridis, [68, 1, 84], [253, 231, 37]),
        ];
        for (colormap, first, last) in ends {
            let table = colormap.table();
            for (found, expected) in [(table[0], first), (table[255], last)] {
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        found.abs_diff(expected) <= 35,
                        "{colormap:?}: {found} instead of {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn is_an_enum_for_properties() {
        let class = glib::EnumClass::with_type(Colormap::static_type()).unwrap();
        assert_eq!(class.type_().name(), "IgdColormap");
        let nicks: Vec<_> = class.values().iter().map(|value| value.nick()).collect();
        assert_eq!(nicks, ["turbo", "jet", "inferno", "viridis", "gray"]);
        assert_eq!(Colormap::default(), Colormap::Turbo);
    }
}
