-- The tables as the site's own application made them: its spelling, its types, no unique rules
-- besides the keys.
CREATE TABLE Customer (
    CustomerId  TEXT PRIMARY KEY NOT NULL,
    FullName    TEXT NOT NULL,
    Email       TEXT NOT NULL,
    PhoneNumber TEXT,
    DateOfBirth TEXT,
    CreatedAt   TEXT,
    IsDisabled  INTEGER NOT NULL DEFAULT 0,
    Notes       TEXT
) WITHOUT ROWID;

CREATE TABLE ConsultantSchedule (
    ScheduleId   INTEGER PRIMARY KEY,
    ConsultantId INTEGER NOT NULL,
    Date         TEXT NOT NULL,
    StartTime    TEXT NOT NULL,
    EndTime      TEXT NOT NULL,
    IsAvailable  INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE Appointment (
    AppointmentId INTEGER PRIMARY KEY,
    CustomerId    TEXT NOT NULL,
    ConsultantId  INTEGER,
    Date          TEXT NOT NULL,
    Time          TEXT NOT NULL,
    Duration      INTEGER NOT NULL DEFAULT 60,
    Status        TEXT NOT NULL DEFAULT 'pending',
    MeetingUrl    TEXT,
    Description   TEXT,
    CreatedAt     TEXT NOT NULL,
    UpdatedAt     TEXT
);
CREATE INDEX AppointmentByDate ON Appointment (Date);
