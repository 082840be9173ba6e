//! Which pictures of a data set are normal.

use clap::Args;
use igd::data::Selection;

#[derive(Args)]
pub struct Selected {
    /// Names of folders with normal pictures [default: good and normal]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    normal: Vec<String>,
    /// Names of folders with anomalous pictures [default: abnormal, anomalous, bad and defective, and all others in
    /// `test`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    abnormal: Vec<String>,
    /// The class of MNIST, Fashion-MNIST or CIFAR-10 that is normal
    #[arg(long, value_name = "N")]
    class: Option<u8>,
    /// A second normal class of such a set, of which there are few pictures; testing judges it against all classes but
    /// these two
    #[arg(long, value_name = "N", requires = "class")]
    rare_class: Option<u8>,
    /// Share of the normal pictures that are drawn for testing, where they lie beside the anomalous ones [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = crate::numbers::share)]
    test_share: Option<f64>,
    /// Other numbers draw other pictures [default: 1]
    #[arg(long, value_name = "N")]
    split_seed: Option<u64>,
}

impl Selected {
    pub fn selection(&self) -> Selection {
        let usual = Selection::default();
        let given = |names: &Vec<String>, usual| match names.is_empty() {
            true => usual,
            false => names.clone(),
        };
        Selection {
            only_named: !self.abnormal.is_empty(),
            normal: given(&self.normal, usual.normal),
            abnormal: given(&self.abnormal, usual.abnormal),
            class: self.class,
            rare_class: self.rare_class,
            test_share: self.test_share.unwrap_or(usual.test_share),
            seed: self.split_seed.unwrap_or(usual.seed),
        }
    }
}
