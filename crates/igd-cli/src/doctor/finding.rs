//! What a check finds.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// Something does not work, or not well, but the plugin does.
    Warning,
    /// The plugin does not work.
    Failure,
}

impl Status {
    /// As wide as the widest.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok     ",
            Self::Warning => "warning",
            Self::Failure => "FAILURE",
        }
    }
}

/// A line of the report.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    pub status: Status,
    pub text: String,
    /// The command or the setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    pub fn ok(subject: &'static str, text: impl Into<String>) -> Self {
        Self {
            subject,
            status: Status::Ok,
            text: text.into(),
            cure: None,
        }
    }

    pub fn warning(
        subject: &'static str,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            subject,
            status: Status::Warning,
            text: text.into(),
            cure: Some(cure.into()),
        }
    }

    pub fn failure(
        subject: &'static str,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Failure,
            ..Self::warning(subject, text, cure)
        }
    }
}
