//! Which node is what. `docs/outputs.md` has it as a table.

use std::sync::Arc;

use open62541::ua::{self, StatusCode, Variant};
use open62541::{
    Attributes as _, DataSource, DataSourceError, DataSourceReadContext, DataSourceResult,
    DataSourceWriteContext, DataType, DataTypeExt as _, ObjectNode, Result, Server, VariableNode,
};
use open62541_sys::{
    UA_ACCESSLEVELTYPE_CURRENTREAD, UA_ACCESSLEVELTYPE_CURRENTWRITE,
    UA_ACCESSLEVELTYPE_TIMESTAMPWRITE, UA_NS0ID_BASEDATAVARIABLETYPE, UA_NS0ID_BASEOBJECTTYPE,
    UA_NS0ID_BOOLEAN, UA_NS0ID_BYTE, UA_NS0ID_DATETIME, UA_NS0ID_FLOAT, UA_NS0ID_HASCOMPONENT,
    UA_NS0ID_INT64, UA_NS0ID_OBJECTSFOLDER, UA_NS0ID_ORGANIZES, UA_NS0ID_STRING, UA_NS0ID_UINT64,
};
use tracing::warn;

use crate::command::{Command, Commands, Refused};
use crate::outputs::board::{Board, Shown};
use crate::record::Verdict;

/// Whose names these are, whatever the line's.
const NAMESPACE: &str = "urn:gst-igd:line";

const READ: u8 = UA_ACCESSLEVELTYPE_CURRENTREAD as u8;
/// Clients write a time as well, which counts for nothing.
const WRITE: u8 = (UA_ACCESSLEVELTYPE_CURRENTWRITE | UA_ACCESSLEVELTYPE_TIMESTAMPWRITE) as u8;

/// What a node of each camera shows.
struct Kind {
    name: &'static str,
    data_type: u32,
    show: fn(&Shown) -> Variant,
    /// What a client tells by writing to it, if it may.
    tell: Option<fn(&str, &Variant) -> Option<Command>>,
}

const KINDS: [Kind; 12] = [
    shows("Seq", UA_NS0ID_INT64, |shown| {
        Variant::scalar(ua::Int64::new(
            shown.last.as_ref().map_or(0, |last| last.seq),
        ))
    }),
    shows("Id", UA_NS0ID_STRING, |shown| {
        text(shown.last.as_ref().map(|last| last.id.to_string()))
    }),
    shows("Time", UA_NS0ID_DATETIME, |shown| {
        Variant::scalar(time(shown).unwrap_or_else(ua::DateTime::init))
    }),
    shows("Verdict", UA_NS0ID_STRING, |shown| {
        text(
            shown
                .last
                .as_ref()
                .map(|last| last.verdict.name().to_owned()),
        )
    }),
    shows("VerdictCode", UA_NS0ID_BYTE, |shown| {
        Variant::scalar(ua::Byte::new(match &shown.last {
            None => 0,
            Some(last) => match last.verdict {
                Verdict::Good => 1,
                Verdict::Bad => 2,
                Verdict::None => 3,
            },
        }))
    }),
    shows("Score", UA_NS0ID_FLOAT, |shown| {
        number(shown.last.as_ref().and_then(|last| last.score))
    }),
    shows("Normalized", UA_NS0ID_FLOAT, |shown| {
        number(shown.last.as_ref().and_then(|last| last.normalized))
    }),
    shows("Good", UA_NS0ID_UINT64, |shown| count(shown.counts.good)),
    shows("Bad", UA_NS0ID_UINT64, |shown| count(shown.counts.bad)),
    shows("NoVerdict", UA_NS0ID_UINT64, |shown| {
        count(shown.counts.none)
    }),
    Kind {
        name: "Recipe",
        data_type: UA_NS0ID_STRING,
        show: |shown| text(Some(shown.recipe.clone())),
        tell: Some(|camera, value| {
            Some(Command::Recipe {
                camera: camera.to_owned(),
                recipe: value.as_scalar::<ua::String>()?.as_str()?.to_owned(),
            })
        }),
    },
    Kind {
        name: "Trigger",
        data_type: UA_NS0ID_BOOLEAN,
        show: |_| Variant::scalar(ua::Boolean::new(false)),
        tell: Some(|camera, value| {
            let trigger = Command::Trigger {
                camera: camera.to_owned(),
            };
            value.as_scalar::<ua::Boolean>()?.value().then_some(trigger)
        }),
    },
];

const fn shows(name: &'static str, data_type: u32, show: fn(&Shown) -> Variant) -> Kind {
    Kind {
        name,
        data_type,
        show,
        tell: None,
    }
}

fn text(text: Option<String>) -> Variant {
    // Nothing that is shown has NUL in it.
    Variant::scalar(
        ua::String::new(&text.unwrap_or_default()).unwrap_or_else(|_| ua::String::null()),
    )
}

fn number(number: Option<f32>) -> Variant {
    Variant::scalar(ua::Float::new(number.unwrap_or(f32::NAN)))
}

fn count(count: u64) -> Variant {
    Variant::scalar(ua::UInt64::new(count))
}

fn time(shown: &Shown) -> Option<ua::DateTime> {
    let nanoseconds = shown.last.as_ref()?.time.as_nanosecond();
    ua::DateTime::try_from_unix_timestamp_nanos(nanoseconds).ok()
}

/// A node of a camera.
struct Node {
    board: Arc<Board>,
    commands: Commands,
    camera: String,
    kind: &'static Kind,
}

impl DataSource for Node {
    fn read(&mut self, context: &mut DataSourceReadContext) -> DataSourceResult {
        let shown = self.board.of(&self.camera);
        let shown = shown.ok_or_else(|| refused(StatusCode::BADINTERNALERROR))?;
        let mut value = ua::DataValue::new((self.kind.show)(&shown));
        if let Some(time) = time(&shown) {
            // The same of all that is told of a part.
            value = value.with_source_timestamp(&time);
        }
        context.set_value(value);
        Ok(())
    }

    fn write(&mut self, context: &mut DataSourceWriteContext) -> DataSourceResult {
        let tell = self
            .kind
            .tell
            .ok_or_else(|| refused(StatusCode::BADNOTWRITABLE))?;
        let value = context.value().value();
        let value = value.ok_or_else(|| refused(StatusCode::BADTYPEMISMATCH))?;
        let Some(command) = tell(&self.camera, value) else {
            return Ok(());
        };
        (self.commands)(command).map_err(|error| {
            warn!("OPC UA: {error}");
            refused(match error {
                Refused::Unknown(_) => StatusCode::BADOUTOFRANGE,
                Refused::Unfit(_) => StatusCode::BADINVALIDSTATE,
                Refused::Failed(_) => StatusCode::BADINTERNALERROR,
            })
        })
    }
}

fn refused(code: StatusCode) -> DataSourceError {
    DataSourceError::from_status_code(code)
}

/// All nodes of a line.
pub(super) fn add(
    server: &Server,
    line: &str,
    writable: bool,
    board: &Arc<Board>,
    commands: &Commands,
) -> Result<()> {
    let namespace = server.add_namespace(NAMESPACE);
    let object = |id: &str, name: &str, parent: &ua::NodeId, reference| {
        server.add_object_node(ObjectNode {
            requested_new_node_id: Some(ua::NodeId::string(namespace, id)),
            parent_node_id: parent.clone(),
            reference_type_id: ua::NodeId::ns0(reference),
            browse_name: ua::QualifiedName::new(namespace, name),
            type_definition: ua::NodeId::ns0(UA_NS0ID_BASEOBJECTTYPE),
            attributes: ua::ObjectAttributes::default()
                .with_display_name(&ua::LocalizedText::new("", name)?),
        })
    };
    let objects = ua::NodeId::ns0(UA_NS0ID_OBJECTSFOLDER);
    // Cameras have names, and so no slash.
    let line = object(&format!("/{line}"), line, &objects, UA_NS0ID_ORGANIZES)?;
    for camera in board.names() {
        let parent = object(&camera, &camera, &line, UA_NS0ID_HASCOMPONENT)?;
        for kind in &KINDS {
            let access = match writable && kind.tell.is_some() {
                true => READ | WRITE,
                false => READ,
            };
            let access = ua::AccessLevelType::from_inner(ua::Byte::new(access))?;
            let node = VariableNode {
                requested_new_node_id: Some(ua::NodeId::string(
                    namespace,
                    &format!("{camera}.{}", kind.name),
                )),
                parent_node_id: parent.clone(),
                reference_type_id: ua::NodeId::ns0(UA_NS0ID_HASCOMPONENT),
                browse_name: ua::QualifiedName::new(namespace, kind.name),
                type_definition: ua::NodeId::ns0(UA_NS0ID_BASEDATAVARIABLETYPE),
                attributes: ua::VariableAttributes::default()
                    .with_display_name(&ua::LocalizedText::new("", kind.name)?)
                    .with_data_type(&ua::NodeId::ns0(kind.data_type))
                    .with_value_rank(-1)
                    .with_access_level(&access),
            };
            let source = Node {
                board: board.clone(),
                commands: commands.clone(),
                camera: camera.clone(),
                kind,
            };
            server.add_data_source_variable_node(node, source)?;
        }
    }
    Ok(())
}
