"""The statement that takes in what an artist sent, if the job is still theirs, in one round trip."""

# No row comes back where the caller does not hold the job.
RECEIVE_UPLOAD = """
INSERT INTO artistry_meshupload
    (id, job_id, original_id, status, problem, file_name, check_attempts, created_at)
SELECT %(id)s, job.work_item_id, %(original)s, 'checking', '', %(file_name)s, 0, %(now)s
FROM artistry_artistjob AS job
JOIN workforce_workitem AS item ON item.id = job.work_item_id
WHERE job.work_item_id = %(job)s AND job.state = 'wanted'
  AND item.holder_id = %(user)s AND item.state IN ('open', 'leased')
RETURNING *
"""
