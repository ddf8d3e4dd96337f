//! Why bytes from a peer are refused: a closed set, so that it can be a metric's label.

use std::borrow::Cow;

/// Why a frame, or what should have become one, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Bytes outside any JSON object.
    NotAnObject,
    /// An object larger than the limit.
    TooLarge,
    /// Objects or arrays nested deeper than the limit.
    TooDeep,
    /// The connection ended inside an object.
    Truncated,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Text that is not JSON.
    NotJson,
    /// A field that is missing, given twice or of another type.
    Schema,
    /// A number outside its range.
    OutOfRange,
    /// An agent name of another form.
    BadName,
    /// A fact or label that is too long, too many or of another form.
    BadText,
    /// A version of the protocol that is not spoken here.
    BadVersion,
    /// A frame type that is not known here.
    UnknownType,
    /// A frame that has no place here: a sample before hello, a second hello, the other dialect.
    OutOfOrder,
    /// A frame that is not newer than what is known.
    Stale,
    /// A frame from a connection that another one has replaced.
    Replaced,
    /// A name that another living agent holds.
    NameConflict,
    /// A new name while the fleet is full of living agents.
    FleetFull,
    /// A token that is missing or wrong.
    Auth,
    /// Per-core totals beyond what the exporter keeps.
    CoresFull,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::NotAnObject,
        Self::TooLarge,
        Self::TooDeep,
        Self::Truncated,
        Self::NotUtf8,
        Self::NotJson,
        Self::Schema,
        Self::OutOfRange,
        Self::BadName,
        Self::BadText,
        Self::BadVersion,
        Self::UnknownType,
        Self::OutOfOrder,
        Self::Stale,
        Self::Replaced,
        Self::NameConflict,
        Self::FleetFull,
        Self::Auth,
        Self::CoresFull,
    ];

    /// The value of the label `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::Truncated => "truncated",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::Schema => "schema",
            Self::OutOfRange => "out_of_range",
            Self::BadName => "bad_name",
            Self::BadText => "bad_text",
            Self::BadVersion => "bad_version",
            Self::UnknownType => "unknown_type",
            Self::OutOfOrder => "out_of_order",
            Self::Stale => "stale",
            Self::Replaced => "replaced",
            Self::NameConflict => "name_conflict",
            Self::FleetFull => "fleet_full",
            Self::Auth => "auth",
            Self::CoresFull => "cores_full",
        }
    }
}

/// A refusal: its reason, and what was wrong in words.
///
/// The words may hold what the peer sent: they are for the peer (JSON escapes them); a log shows them
/// only through `Debug`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// The reason, for counters.
    pub reason: RejectReason,
    /// What was wrong and what would be right, for the peer.
    pub message: Cow<'static, str>,
}

impl Rejection {
    /// The longest message in bytes: an error frame must fit into [`crate::limits::REPLY_MAX`].
    const MESSAGE_MAX: usize = 200;

    /// A refusal for `reason` with fixed words.
    pub const fn new(reason: RejectReason, message: &'static str) -> Self {
        Self { reason, message: Cow::Borrowed(message) }
    }

    /// A refusal with words made for the case, cut to a bounded length.
    pub fn with(reason: RejectReason, mut message: String) -> Self {
        message.truncate(message.floor_char_boundary(Self::MESSAGE_MAX));
        Self { reason, message: Cow::Owned(message) }
    }
}
