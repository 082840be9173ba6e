//! A graph that grows node by node.

use tch::{Kind, Tensor};

use super::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, ATTRIBUTE_STRING, AttributeProto, DimensionProto, FLOAT,
    FLOAT16, GraphProto, INT64, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use crate::model::bytes_of;

/// What a node or a constant comes to, by its name in the graph.
#[derive(Clone, Debug)]
pub struct Value(String);

/// Each node has one value, which has the node's name.
#[derive(Debug)]
pub struct Graph {
    proto: GraphProto,
}

impl Graph {
    pub fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self {
            proto: GraphProto {
                name,
                ..GraphProto::default()
            },
        }
    }

    pub fn finish(self) -> GraphProto {
        self.proto
    }

    /// Pictures (N, ...), f32.
    pub fn input(&mut self, name: &str, shape: &[i64], doc: &str) -> Value {
        self.proto.input.push(described(name, FLOAT, shape, doc));
        Value(name.to_owned())
    }

    /// Makes a node's value (N, ...) an output. It has that name.
    pub fn output(&mut self, name: &str, data_type: i32, shape: &[i64], doc: &str) {
        let output = described(name, data_type, shape, doc);
        self.proto.output.push(output);
    }

    /// A tensor of f32, f16 or i64.
    ///
    /// # Panics
    /// Where it is of another kind.
    pub fn constant(&mut self, name: &str, tensor: &Tensor) -> Value {
        let data_type = match tensor.kind() {
            Kind::Float => FLOAT,
            Kind::Half => FLOAT16,
            Kind::Int64 => INT64,
            kind => unreachable!("no graph has constants of {kind:?}"),
        };
        self.proto.initializer.push(TensorProto {
            dims: tensor.size(),
            data_type,
            name: name.to_owned(),
            raw_data: bytes_of(tensor),
        });
        Value(name.to_owned())
    }

    /// A number.
    pub fn number(&mut self, name: &str, number: f32) -> Value {
        self.constant(name, &Tensor::from(number))
    }

    /// Whole numbers in a row.
    pub fn numbers(&mut self, name: &str, numbers: &[i64]) -> Value {
        self.constant(name, &Tensor::from_slice(numbers))
    }

    /// The value of an operator.
    pub fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute: attributes,
        });
        Value(name.to_owned())
    }

    /// The value of an operator that needs no attributes.
    pub fn plain(&mut self, operator: &str, name: &str, inputs: &[&Value]) -> Value {
        self.node(operator, name, inputs, Vec::new())
    }

    /// The value in another shape, one of whose sides may be -1: what is left.
    pub fn reshape(&mut self, name: &str, value: &Value, shape: &[i64]) -> Value {
        let shape = self.numbers(&format!("{name}.shape"), shape);
        self.plain("Reshape", name, &[value, &shape])
    }

    /// Pictures (N, C, H, W) so many times as large: bilinear, pixels seen as areas, as libtorch's
    /// `upsample_bilinear2d` without aligned corners.
    pub fn enlarge(&mut self, name: &str, value: &Value, times: i64) -> Value {
        let times = times as f32;
        let scales = Tensor::from_slice(&[1.0, 1.0, times, times]);
        let scales = self.constant(&format!("{name}.scales"), &scales);
        // The region of interest, which no such resizing has.
        let region = Value(String::new());
        let attributes = vec![
            text("mode", "linear"),
            text("coordinate_transformation_mode", "half_pixel"),
        ];
        self.node("Resize", name, &[value, &region, &scales], attributes)
    }

    /// The largest numbers of some dimensions, which stay with a length of 1.
    pub fn largest(&mut self, name: &str, value: &Value, dimensions: &[i64]) -> Value {
        let attributes = vec![integers("axes", dimensions)];
        self.node("ReduceMax", name, &[value], attributes)
    }
}

fn described(name: &str, data_type: i32, shape: &[i64], doc: &str) -> ValueInfoProto {
    let pictures = DimensionProto {
        dim_value: None,
        dim_param: Some("N".to_owned()),
    };
    let sides = shape.iter().map(|&side| DimensionProto {
        dim_value: Some(side),
        dim_param: None,
    });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: data_type,
                shape: Some(TensorShapeProto {
                    dim: [pictures].into_iter().chain(sides).collect(),
                }),
            }),
        }),
        doc_string: doc.to_owned(),
    }
}

/// An attribute of a whole number.
pub fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: ATTRIBUTE_INT,
        ..AttributeProto::default()
    }
}

/// An attribute of whole numbers.
pub fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: ATTRIBUTE_INTS,
        ..AttributeProto::default()
    }
}

/// An attribute of a word.
pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: Some(value.as_bytes().to_vec()),
        r#type: ATTRIBUTE_STRING,
        ..AttributeProto::default()
    }
}
