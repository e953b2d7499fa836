"""The statement that keeps a Stage 3 answer: the pose or the reason, and how help was used, in one round trip."""

# `assistance` is a JSON array of objects with the columns of `alignment_assistanceuse`. Returns the alignment.
KEEP_ANSWER = """
WITH used AS (
    INSERT INTO alignment_assistanceuse
        (alignment_id, kind, silhouette_iou_before, silhouette_iou_after, inlier_share_before, inlier_share_after, kept)
    SELECT %(id)s::uuid, kind, silhouette_iou_before, silhouette_iou_after, inlier_share_before, inlier_share_after,
           kept
    FROM jsonb_to_recordset(%(assistance)s::jsonb) AS given (
        kind text,
        silhouette_iou_before float,
        silhouette_iou_after float,
        inlier_share_before float,
        inlier_share_after float,
        kept boolean
    )
)
UPDATE alignment_alignment
SET pose = %(pose)s::jsonb,
    not_alignable = %(not_alignable)s,
    client_silhouette_iou = %(client_silhouette_iou)s,
    client_inlier_share = %(client_inlier_share)s,
    submitted_at = %(now)s
WHERE work_item_id = %(id)s
RETURNING *
"""
