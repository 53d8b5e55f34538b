INSERT INTO ConsultantSchedule
    (ScheduleId, ConsultantId, Date, StartTime, EndTime, IsAvailable)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
