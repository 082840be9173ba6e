//! The stages of EfficientNet-Lite0.

use super::graph::{Graph, Value, integer, integers};
use crate::nn::efficientnet_lite::{Backbone, halving_padding};
use crate::nn::{FoldedBlock, Kernel, PaddedKernel, folded};

/// Pictures (N, 3, height, width), normalised for the backbone, to the output of each stage.
pub fn stages(
    graph: &mut Graph,
    backbone: &Backbone,
    pictures: Value,
    [width, height]: [usize; 2],
) -> Vec<Value> {
    let mut layers = Layers {
        bounds: [("relu6.least", 0.0), ("relu6.most", 6.0)]
            .map(|(name, bound)| graph.number(name, bound)),
        graph,
    };
    let mut picture = Picture {
        value: pictures,
        height: height as i64,
        width: width as i64,
    };
    let mut outputs = Vec::new();
    for (stage, blocks) in folded(backbone).iter().enumerate() {
        for (number, block) in blocks.iter().enumerate() {
            picture = layers.block(picture, block, &format!("stage{stage}.block{number}"));
        }
        outputs.push(picture.value.clone());
    }
    outputs
}

/// (N, C, height, width).
struct Picture {
    value: Value,
    height: i64,
    width: i64,
}

struct Layers<'a> {
    graph: &'a mut Graph,
    /// Of ReLU6.
    bounds: [Value; 2],
}

impl Layers<'_> {
    fn block(&mut self, picture: Picture, block: &FoldedBlock, name: &str) -> Picture {
        let shortcut = block.residual.then(|| picture.value.clone());
        let widened = match &block.widen {
            Some(kernel) => self.filter(picture, kernel, 1, &format!("{name}.widen")),
            None => picture,
        };
        let channels = block.depthwise.kernel.weight.size()[0];
        let name_of_depthwise = format!("{name}.depthwise");
        let filtered = self.filter(widened, &block.depthwise, channels, &name_of_depthwise);
        let (narrow, pads) = (&block.narrow, [block.narrow.padding; 4]);
        let name_of_narrow = format!("{name}.narrow");
        let value = self.convolve(&filtered.value, narrow, pads, 1, &name_of_narrow);
        let value = match shortcut {
            Some(shortcut) => {
                let inputs = [&value, &shortcut];
                self.graph.plain("Add", &format!("{name}.add"), &inputs)
            }
            None => value,
        };
        Picture { value, ..filtered }
    }

    /// A convolution of that many groups of channels, and its ReLU6.
    fn filter(
        &mut self,
        picture: Picture,
        PaddedKernel { kernel, halves }: &PaddedKernel,
        groups: i64,
        name: &str,
    ) -> Picture {
        let Picture {
            value,
            height,
            width,
        } = picture;
        let taps = kernel.weight.size()[3];
        let padding = |side| match halves {
            true => halving_padding(side, taps),
            false => (kernel.padding, kernel.padding),
        };
        let ((top, bottom), (left, right)) = (padding(height), padding(width));
        let value = self.convolve(&value, kernel, [top, left, bottom, right], groups, name);
        let after = |side: i64| if *halves { (side + 1) / 2 } else { side };
        let [least, most] = &self.bounds;
        let inputs = [&value, least, most];
        let name = format!("{name}.relu6");
        Picture {
            value: self.graph.plain("Clip", &name, &inputs),
            height: after(height),
            width: after(width),
        }
    }

    /// `pads` are at the top, the left, the bottom and the right.
    fn convolve(
        &mut self,
        value: &Value,
        kernel: &Kernel,
        pads: [i64; 4],
        groups: i64,
        name: &str,
    ) -> Value {
        let weight = self
            .graph
            .constant(&format!("{name}.weight"), &kernel.weight);
        let bias = self.graph.constant(&format!("{name}.bias"), &kernel.bias);
        let attributes = vec![
            integers("strides", &[kernel.stride; 2]),
            integers("pads", &pads),
            integer("group", groups),
        ];
        self.graph
            .node("Conv", name, &[value, &weight, &bias], attributes)
    }
}
