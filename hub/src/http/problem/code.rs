//! What went wrong, by kind.

use axum::http::StatusCode;

/// What went wrong, by kind. Scripts rely on [`Code::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The request cannot be read.
    BadRequest,
    /// No token, or one that is not valid.
    Unauthorized,
    /// The token does not allow this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Not this way.
    MethodNotAllowed,
    /// The body is longer than taken.
    TooLarge,
    /// There is no room for the body.
    NoRoom,
    /// The body did not come in time.
    RequestTimeout,
    /// The body is not JSON by its type.
    UnsupportedMediaType,
    /// More days than one answer holds.
    RangeTooLong,
    /// Values that cannot be taken.
    Invalid,
    /// Several sites are known, and none is named.
    SiteRequired,
    /// Another row has what was asked for.
    Clash,
    /// It is not any more what it was.
    Changed,
    /// The present state does not allow it.
    NotAllowedNow,
    /// The store takes no uploads by others.
    NoUploads,
    /// The database takes no writes.
    ReadOnly,
    /// The database takes no writes until it is woken.
    DatabaseAsleep,
    /// A mistake in this program.
    Internal,
    /// The store or the database cannot be reached.
    Unavailable,
    /// More requests at once than are taken.
    Busy,
    /// The answer took too long.
    Timeout,
}

impl Code {
    pub(crate) const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::NoRoom,
        Self::RequestTimeout,
        Self::UnsupportedMediaType,
        Self::RangeTooLong,
        Self::Invalid,
        Self::SiteRequired,
        Self::Clash,
        Self::Changed,
        Self::NotAllowedNow,
        Self::NoUploads,
        Self::ReadOnly,
        Self::DatabaseAsleep,
        Self::Internal,
        Self::Unavailable,
        Self::Busy,
        Self::Timeout,
    ];

    /// As the answer writes it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::NoRoom => "no_room",
            Self::RequestTimeout => "request_timeout",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RangeTooLong => "range_too_long",
            Self::Invalid => "invalid",
            Self::SiteRequired => "site_required",
            Self::Clash => "clash",
            Self::Changed => "changed",
            Self::NotAllowedNow => "not_allowed_now",
            Self::NoUploads => "no_uploads",
            Self::ReadOnly => "read_only",
            Self::DatabaseAsleep => "database_asleep",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::RangeTooLong | Self::SiteRequired => StatusCode::BAD_REQUEST,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Clash | Self::NotAllowedNow | Self::NoUploads | Self::ReadOnly => {
                StatusCode::CONFLICT
            }
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Busy | Self::DatabaseAsleep => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}
